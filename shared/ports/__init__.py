"""What services need of the outside, as Protocols; `clients` implement them, tests use the real ones."""
