/** One style of using a language or a program. */
export interface Style {
  readonly title: string
  /** In snippets/. */
  readonly file: string
  /** A line of shell that prints the version, and fails where something is missing. */
  readonly version: string
  /** Debian's packages that it needs. */
  readonly packages: readonly string[]
  /** What it shows on the wire beside what all do; checked at each run. */
  readonly wire?: RegExp
  /** It gives no type; see `typeWithout`. */
  readonly untyped?: true
  /** It cannot send a null byte, and so not the binary body. */
  readonly textOnly?: true
  /** What whoever copies it should know. */
  readonly says?: string
}

/** A language or program with its styles. */
export interface Family {
  readonly title: string
  /** Of the code in the page. */
  readonly fence: string
  readonly run: (program: string) => string
  /** From which version on it reaches an edge with TLS. */
  readonly tls: string
  readonly styles: readonly Style[]
}

const CURL = { version: 'curl --version', packages: ['curl'] }
const PYTHON = { version: 'python3 --version', packages: ['python3'] }
const REQUESTS = {
  version: "python3 -c 'import requests; print(requests.__version__)'",
  packages: ['python3', 'python3-requests'],
}
const JAVA = { version: 'javac -version', packages: ['openjdk-17-jdk-headless'] }
const NODE = { version: 'node --version', packages: [] }

// .NET's TLS in Mono is a package of its own.
const MONO_PACKAGES = ['mono-mcs', 'mono-runtime', 'libmono-btls-interface4.0-cil']
const MONO_VERSION = 'mcs --version >&2 && mono --version'
const MONO = { version: MONO_VERSION, packages: MONO_PACKAGES }
const HTTP_1_0 = /^POST \S+ HTTP\/1\.0\r\n/
const CHUNKED = /^Transfer-Encoding: chunked\r$/im
const EXPECT = /^Expect: 100-continue\r$/im

const asIs = (command: string) => (program: string) => `${command} ${program}`

export const FAMILIES: readonly Family[] = [
  {
    title: 'curl',
    fence: 'sh',
    run: asIs('sh'),
    tls: 'OpenSSL 1.0.1 (2012) or newer, or another library of its age, below it.',
    styles: [
      { ...CURL, title: 'a file', file: 'curl.sh' },
      { ...CURL, title: 'HTTP/1.0', file: 'curl-http10.sh', wire: HTTP_1_0 },
      { ...CURL, title: 'chunked', file: 'curl-chunked.sh', wire: CHUNKED },
      { ...CURL, title: 'Expect', file: 'curl-expect.sh', wire: EXPECT },
      {
        ...CURL,
        title: '-d',
        file: 'curl-inline.sh',
        untyped: true,
        textOnly: true,
        says: 'For text. Calls everything a form: what is a JSON object or array is labelled `application/json` all the same. `-d @file` would drop line ends: take `--data-binary @file`.',
      },
    ],
  },
  {
    title: 'wget',
    fence: 'sh',
    run: asIs('sh'),
    tls: 'GnuTLS 3 or OpenSSL 1.0.1 or newer below it. BusyBox has `openssl` speak for it where that is there; else it speaks TLS 1.2 by itself, and trusts any certificate.',
    styles: [
      {
        title: 'GNU',
        file: 'wget.sh',
        version: 'wget --version',
        packages: ['wget'],
        says: '`--tries=1`: it would send the message again without the same id.',
      },
      {
        title: 'BusyBox',
        file: 'busybox.sh',
        version: 'busybox',
        packages: ['busybox'],
        textOnly: true,
        says: 'For text: it sends a file up to the first null byte, and no more.',
      },
    ],
  },
  {
    title: 'PHP',
    fence: 'php',
    run: asIs('php'),
    tls: 'PHP 5.6 or newer with OpenSSL 1.0.1 or newer.',
    styles: [
      { title: 'streams', file: 'php-streams.php', version: 'php -v', packages: ['php-cli'] },
      {
        title: 'fsockopen, HTTP/1.0',
        file: 'php-fsockopen.php',
        version: 'php -v',
        packages: ['php-cli'],
        wire: HTTP_1_0,
        says: 'As it was written for PHP 4. It prints the answer with its head.',
      },
      {
        title: 'ext-curl',
        file: 'php-curl.php',
        version: `php -r 'echo curl_version()["version"];'`,
        packages: ['php-cli', 'php-curl'],
      },
      {
        title: 'Guzzle',
        file: 'php-guzzle.php',
        version: `php -r 'require "GuzzleHttp/autoload.php"; echo GuzzleHttp\\ClientInterface::MAJOR_VERSION;'`,
        packages: ['php-cli', 'php-curl', 'php-guzzlehttp-guzzle'],
        says: "With Composer, `require 'vendor/autoload.php'`.",
      },
    ],
  },
  {
    title: 'Perl',
    fence: 'perl',
    run: asIs('perl'),
    tls: 'IO::Socket::SSL, with OpenSSL 1.0.1 or newer below it; for LWP also LWP::Protocol::https.',
    styles: [
      {
        title: 'LWP',
        file: 'perl-lwp.pl',
        version: "perl -MLWP -MLWP::Protocol::https -e 'print LWP->VERSION'",
        packages: ['libwww-perl', 'liblwp-protocol-https-perl'],
      },
      {
        title: 'HTTP::Tiny',
        file: 'perl-http-tiny.pl',
        version: "perl -MHTTP::Tiny -MIO::Socket::SSL -e 'print HTTP::Tiny->VERSION'",
        packages: ['perl', 'libio-socket-ssl-perl'],
        says: 'Part of Perl since 5.14. Before its version 0.083 it trusts any certificate unless told `verify_SSL => 1`.',
      },
    ],
  },
  {
    title: 'Python',
    fence: 'python',
    run: asIs('python3'),
    tls: 'Python 2.7.9 or 3.4 or newer with OpenSSL 1.0.1 or newer. The lines below are for Python 3.',
    styles: [
      { ...REQUESTS, title: 'requests', file: 'python-requests.py' },
      {
        ...REQUESTS,
        title: 'requests, chunked',
        file: 'python-requests-chunked.py',
        wire: CHUNKED,
        says: 'For what is too large for memory, or made while it is sent.',
      },
      {
        ...PYTHON,
        title: 'urllib',
        file: 'python-urllib.py',
        says: 'Raises `HTTPError` for a problem; its `read()` gives the answer.',
      },
      { ...PYTHON, title: 'http.client', file: 'python-http-client.py' },
    ],
  },
  {
    title: 'Ruby',
    fence: 'ruby',
    run: asIs('ruby'),
    tls: 'Ruby 2.0 or newer with OpenSSL 1.0.1 or newer. The line below needs Ruby 2.4.',
    styles: [{ title: 'net/http', file: 'ruby.rb', version: 'ruby --version', packages: ['ruby'] }],
  },
  {
    title: 'Java',
    fence: 'java',
    run: asIs('java -XX:TieredStopAtLevel=1'), // It compiles the source each time: half the time.
    tls: 'Java 8 or newer. Java 6 and 7 need the profile `old`: they have no AES-GCM, and Java 7 speaks TLS 1.2 only with `-Dhttps.protocols=TLSv1.2`.',
    styles: [
      {
        ...JAVA,
        title: 'HttpURLConnection',
        file: 'java-url.java',
        says: 'Java 7 or newer.',
      },
      {
        ...JAVA,
        title: 'HttpURLConnection, chunked',
        file: 'java-url-chunked.java',
        wire: CHUNKED,
        says: 'Java 7 or newer. For what is too large for memory.',
      },
      { ...JAVA, title: 'java.net.http', file: 'java-http.java', says: 'Java 11 or newer.' },
    ],
  },
  {
    title: 'C#',
    fence: 'csharp',
    run: (program) => `mcs -r:System.Net.Http.dll -out:send.exe ${program} && mono send.exe`,
    tls: 'Mono 4.8 or newer, with its library BTLS. .NET Framework 4.6 or newer; 4.5 after `ServicePointManager.SecurityProtocol = SecurityProtocolType.Tls12`. Windows before 10 and Server 2016 needs the profile `old`, or an edge with an ECDSA certificate.',
    styles: [
      {
        ...MONO,
        title: 'HttpWebRequest',
        file: 'mono-request.cs',
        wire: EXPECT,
        says: 'Throws `WebException` for a problem; its `Response` is the answer.',
      },
      {
        ...MONO,
        title: 'WebClient',
        file: 'mono-webclient.cs',
        says: 'Throws `WebException` for a problem; its `Response` is the answer.',
      },
      {
        title: 'HttpClient',
        file: 'mono-httpclient.cs',
        version: `gacutil -l System.Net.Http | grep -q Version= && ${MONO_VERSION}`,
        packages: [...MONO_PACKAGES, 'libmono-system-net-http4.0-cil'],
      },
    ],
  },
  {
    title: 'Tcl',
    fence: 'tcl',
    run: asIs('tclsh'),
    tls: 'The package tls 1.7 or newer, with OpenSSL 1.0.1 or newer below it; it trusts any certificate unless told `-require true` and a `-cafile`.',
    styles: [
      {
        title: 'http',
        file: 'tcl.tcl',
        version: "echo 'package require tls; puts [package require http]' | tclsh",
        packages: ['tcl', 'tcl-tls'],
      },
    ],
  },
  {
    title: 'Lua',
    fence: 'lua',
    run: asIs('lua'),
    tls: 'LuaSec 0.6 or newer, with OpenSSL 1.0.1 or newer below it; it trusts any certificate unless told otherwise.',
    styles: [
      {
        title: 'LuaSocket',
        file: 'lua.lua',
        version: `lua -e 'require "ssl.https"; print(require("socket")._VERSION)'`,
        packages: ['lua5.4', 'lua-socket', 'lua-sec'],
      },
    ],
  },
  {
    title: 'Node',
    fence: 'js',
    run: asIs('node'),
    tls: 'Any version that has what the lines below use.',
    styles: [
      { ...NODE, title: 'fetch', file: 'node-fetch.mjs', says: 'Node 18 or newer.' },
      {
        ...NODE,
        title: 'http, chunked',
        file: 'node-http.cjs',
        wire: CHUNKED,
        says: 'Node 10.9 or newer. For what is too large for memory.',
      },
    ],
  },
]
