import requests

with open('message.json', 'rb') as file:
    print(requests.post('http://127.0.0.1:8080/publish/exchange', data=file.read(), headers={
        'Authorization': 'Bearer super_secret_key', 'Content-Type': 'application/json'}).text)
