import { createHash } from 'node:crypto'
import type { Account, StoredObject } from '../account.ts'
import { AwsError, unknown } from '../errors.ts'
import { type Reply, type Request, type Service, xml } from '../protocols.ts'

type Bucket = Map<string, StoredObject>

/** Amazon S3 as deploying uses it, with the bucket in the path. */
export function s3(account: Account): Service {
  return {
    actionOf,
    answer: async (request) => {
      const action = actionOf(request)
      const [, name = '', key = ''] =
        /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(request.path)) ?? []
      const bucket = account.buckets.get(name)
      if (bucket === undefined) {
        throw new AwsError('NoSuchBucket', `no bucket ${name}`, 404)
      }
      const run = ACTIONS[action]
      if (run === undefined) throw unknown(`s3: ${action} of ${request.path}`)
      return run(bucket, key, request)
    },
    refuse: ({ code, message, status }) => xml('Error', { Code: code, Message: message }, status),
  }
}

function actionOf({ method, path, query }: Request): string {
  const what = /^\/[^/]+\/.+/.test(path) ? 'Object' : 'Bucket'
  const known = ['list-type', 'delete', 'versions', 'location'].find((name) => query.has(name))
  return `${method} ${what}${known === undefined ? '' : ` ${known}`}`
}

const ACTIONS: Readonly<Record<string, (bucket: Bucket, key: string, request: Request) => Reply>> =
  {
    'HEAD Bucket': () => ({}),
    'GET Bucket list-type': (bucket, _key, { query }) => {
      const prefix = query.get('prefix') ?? ''
      const keys = [...bucket]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
      const Contents = keys.map(([Key, { content, modified }]) => ({
        Key,
        LastModified: modified,
        ETag: etag(content),
        Size: content.length,
      }))
      const listed = { Prefix: prefix, KeyCount: keys.length, IsTruncated: false, Contents }
      return xml('ListBucketResult', listed, 200, 'flat')
    },
    'PUT Object': (bucket, key, { headers, body }) => {
      const kept = Object.entries(headers).filter(([name]) =>
        /^(x-amz-meta-|content-type$)/.test(name),
      )
      const content = headers['content-encoding']?.includes('aws-chunked') ? dechunk(body) : body
      const length = headers['x-amz-decoded-content-length']
      if (length !== undefined && Number(length) !== content.length) {
        throw new AwsError('IncompleteBody', 'the decoded length is another than was said')
      }
      bucket.set(key, {
        content,
        headers: Object.fromEntries(kept) as Record<string, string>,
        modified: new Date(),
      })
      return { headers: { etag: etag(content) } }
    },
    'HEAD Object': (bucket, key) => ({ ...read(bucket, key), body: '' }),
    'GET Object': read,
    'POST Bucket delete': (bucket, _key, { body }) => {
      const keys = [...body.toString().matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key)
      for (const key of keys) bucket.delete(key)
      return xml('DeleteResult', { Deleted: keys.map((Key) => ({ Key })) }, 200, 'flat')
    },
  }

function read(bucket: Bucket, key: string): Reply {
  const object = bucket.get(key)
  if (object === undefined) throw new AwsError('NoSuchKey', `no object ${key}`, 404)
  const modified = { 'last-modified': object.modified.toUTCString(), etag: etag(object.content) }
  return { headers: { ...object.headers, ...modified }, body: object.content }
}

const etag = (content: Buffer) => `"${createHash('md5').update(content).digest('hex')}"`

/** `<hex size>[;signature]\r\n<bytes>\r\n … 0\r\n<trailers>` */
function dechunk(body: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, end), 16)
    if (end < 0 || Number.isNaN(size)) throw new AwsError('IncompleteBody', 'no aws-chunked body')
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(body.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
