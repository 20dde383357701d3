from shared.clients.postgresql.database import Database, open_database
from shared.clients.postgresql.queue import PostgresqlQueue
from shared.clients.postgresql.store import PostgresqlStore

__all__ = ["Database", "PostgresqlQueue", "PostgresqlStore", "open_database"]
