from shared.clients.sqlite.database import Database, open_database
from shared.clients.sqlite.queue import SqliteQueue
from shared.clients.sqlite.store import SqliteStore

__all__ = ["Database", "SqliteQueue", "SqliteStore", "open_database"]
