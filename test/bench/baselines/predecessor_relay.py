"""Baseline: the shape of the predecessor's relay. An exclusive queue that is gone with the process,
acknowledged as soon as sent, published on without confirm, mandatory or properties; logs each body."""
import logging
import os

import pika

logging.basicConfig(level=logging.INFO, format="%(message)s")
logging.getLogger("pika").setLevel(logging.WARNING)
log = logging.getLogger("relay")

login = pika.PlainCredentials(os.environ["RABBIT_USER"], os.environ["RABBIT_PASS"])
where = pika.ConnectionParameters(
    "127.0.0.1", int(os.environ["RABBIT_PORT"]), "/", credentials=login
)
channel = pika.BlockingConnection(where).channel()
own = channel.queue_declare(queue="", exclusive=True).method.queue
channel.queue_bind(exchange=os.environ["EXCHANGE"], queue=own)
topic = os.environ["QUEUE_TOPIC"]


def forward(ch, method, properties, body):
    channel.basic_publish(exchange="", routing_key=topic, body=body)
    log.info("Message sent to topic %s. Message: %s", topic, body)


channel.basic_consume(queue=own, on_message_callback=forward, auto_ack=True)
log.info('"event":"ready"')
channel.start_consuming()
