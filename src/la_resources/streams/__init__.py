"""Events of a Kinesis stream, landed as files: their schema, the consumer, and a producer that plays a school day."""
