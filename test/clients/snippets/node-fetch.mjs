import { readFileSync } from 'node:fs'

const answer = await fetch('http://127.0.0.1:8080/publish/exchange', {
  method: 'POST',
  headers: { Authorization: 'Bearer super_secret_key', 'Content-Type': 'application/json' },
  body: readFileSync('message.json'),
})
console.log(await answer.text())
