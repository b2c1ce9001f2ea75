busybox wget -qO- http://127.0.0.1:8080/publish/exchange --header='Authorization: Bearer super_secret_key' --header='Content-Type: application/json' --post-file=message.json
