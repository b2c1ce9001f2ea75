/**
 * Whether a name fits a glob: `*` stands for any characters, also none and also `/`; everything else
 * for itself. Time is at most the product of the lengths, whatever the pattern.
 */
export function fitsGlob(glob: string, name: string): boolean {
  const [head = '', ...pieces] = glob.split('*')
  const tail = pieces.pop()
  if (tail === undefined) return name === glob
  if (!name.startsWith(head)) return false
  let at = head.length
  for (const piece of pieces) {
    const found = name.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return name.length - tail.length >= at && name.endsWith(tail)
}

/**
 * Whether a routing key fits an AMQP topic pattern, as a topic exchange decides it: words between
 * dots, `*` for exactly one word, `#` for any number of words. The empty key has no words.
 */
export function fitsTopic(pattern: string, routingKey: string): boolean {
  const words = wordsOf(routingKey)
  // reached[i]: the pattern so far can stand for the first i words.
  let reached = words.map(() => false)
  reached.unshift(true)
  for (const part of wordsOf(pattern)) reached = step(reached, part, words)
  return reached[words.length] === true
}

function step(reached: readonly boolean[], part: string, words: readonly string[]): boolean[] {
  if (part === '#') {
    const first = reached.indexOf(true)
    return reached.map((_, index) => first >= 0 && index >= first)
  }
  return reached.map((_, index) => {
    const word = words[index - 1]
    return word !== undefined && reached[index - 1] === true && (part === '*' || part === word)
  })
}

const wordsOf = (text: string): string[] => (text === '' ? [] : text.split('.'))
