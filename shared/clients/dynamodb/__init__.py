"""`ports.Store` and `ports.Queue` on one table of DynamoDB, with SQS as the alarm clock.

Keys, all strings, which DynamoDB orders by their UTF-8 bytes:

    pk                    sk           what stands there
    record/<partition>    sort key     a record: content or packed, version, expires_at if it ages
    message/<shard>       message id   a message: who it is for, attempts, visible_at, receipt while it is claimed
    dead/<shard>          message id   a dead letter: the same, with its reason

Who asks for what:

    get, get_many         GetItem, BatchGetItem by key
    query                 Query of one record/<partition> by a range of sort keys
    commit                PutItem of one record on its version; else TransactWriteItems of records and messages
    claim, ack, nack      UpdateItem or DeleteItem of one message on its receipt
    give up, redrive      TransactWriteItems of a message and its dead letter
    all else              Query of each shard: it costs as much as is waiting

All reads are consistent, none is a scan, and there is no index. docs/engines.md tells what it costs and withstands.
"""

from shared.clients.dynamodb.opening import Aws, connected
from shared.clients.dynamodb.queue import DynamoQueue
from shared.clients.dynamodb.store import DynamoStore

__all__ = ["Aws", "DynamoQueue", "DynamoStore", "connected"]
