/** What `next` makes of a value: at once when it is there, later when it is promised. A thousand promises less for a batch. */
export const after = <T, R>(
  value: T | Promise<T>,
  next: (value: T) => R | Promise<R>,
): R | Promise<R> => (value instanceof Promise ? value.then(next) : next(value))
