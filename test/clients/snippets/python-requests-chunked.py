import requests

with open('message.json', 'rb') as file:
    chunks = iter(lambda: file.read(4096), b'')  # an iterator is sent as it comes
    print(requests.post('http://127.0.0.1:8080/publish/exchange', data=chunks, headers={
        'Authorization': 'Bearer super_secret_key', 'Content-Type': 'application/json'}).text)
