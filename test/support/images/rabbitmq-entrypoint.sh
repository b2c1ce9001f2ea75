#!/bin/sh
# What the official image's entrypoint does for a container whose user is not root: nothing but start.
set -eu
export RABBITMQ_MNESIA_BASE="$RABBITMQ_DATA_DIR/mnesia"
exec "$@"
