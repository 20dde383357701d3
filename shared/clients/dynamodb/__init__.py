from shared.clients.dynamodb.opening import Aws, connected
from shared.clients.dynamodb.queue import DynamoQueue
from shared.clients.dynamodb.store import DynamoStore

__all__ = ["Aws", "DynamoQueue", "DynamoStore", "connected"]
