"""Baseline: the shape of the predecessor's API. Each request opens a connection that nobody closes,
publishes without a confirm, and answers 200 whatever happened. Run by gunicorn with 4 sync workers."""
import functools
import json
import os

import flask
import pika

app = flask.Flask(__name__)
TOKEN = os.environ["API_TOKEN"]


def open_channel():
    login = pika.PlainCredentials(os.environ["RABBIT_USER"], os.environ["RABBIT_PASS"])
    where = pika.ConnectionParameters(
        "127.0.0.1", int(os.environ["RABBIT_PORT"]), "/", credentials=login
    )
    return pika.BlockingConnection(where).channel()


def needs_token(view):
    @functools.wraps(view)
    def checked(*args, **kwargs):
        given = flask.request.headers.get("Authorization", "")
        if given.replace("Bearer ", "") != TOKEN:
            flask.abort(401)
        return view(*args, **kwargs)

    return checked


@app.route("/publish/<path:exchange>", methods=["POST"])
@needs_token
def publish(exchange):
    channel = open_channel()
    try:
        text = json.dumps(flask.request.get_json())
        channel.basic_publish(exchange=exchange, routing_key="", body=text)
        app.logger.info("message sent to exchange %s", exchange)
        return flask.jsonify({"status": "OK", "exchange": exchange})
    except Exception:  # The predecessor caught everything, and answered 200.
        return flask.jsonify({"status": "NOK", "exchange": exchange})
