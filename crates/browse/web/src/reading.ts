/** How far the server is with the betas that the page waits for. */

import { json, ofSubject } from './api'
import { count } from './numbers'

/** A read that goes on. */
export interface Reading {
  session: string
  /** The betas of trials, or what their z-scores need. */
  purpose: 'betas' | 'zscore'
  /** Whether a store is read, which is not counted. */
  stored: boolean
  /** Volumes; `total` is 0 until the first was read. */
  done: number
  total: number
  seconds: number
}

/** A read of fewer volumes is over before it could be shown. */
const FEW = 30
/** Milliseconds: before the first question, and between two. */
const FIRST = 300
const EVERY = 400

/** What the page says while it waits. */
export function readingText(reads: readonly Reading[]): string {
  // The one that was asked for last; those before it are being stopped.
  const read = reads[reads.length - 1]
  if (!read) return 'Reading ...'
  const what = read.purpose === 'zscore' ? `Reading all trials of ${read.session} for its z-scores` : `Reading ${read.session}`
  if (read.stored) return `${what} from the store, ${Math.round(read.seconds)} s so far ...`
  if (read.total < FEW) return `${what} ...`
  const left = (read.seconds * (read.total - read.done)) / Math.max(1, read.done)
  const counted = `${what}: ${count(read.done)} of ${count(read.total)} volumes, about ${Math.max(1, Math.round(left))} s left.`
  return read.purpose === 'zscore' ? counted : `${counted} Only the first read of a session goes through its whole file.`
}

/** Says how far the reads of a subject are, until the function that it gives is called. */
export function follow(subject: string, say: (text: string) => void): () => void {
  let isOver = false
  const ask = async (): Promise<void> => {
    if (isOver) return
    try {
      const reads = await json<Reading[]>(ofSubject(subject, '/reading'))
      if (!isOver) say(readingText(reads))
    } catch {
      // What the page waits for says what is wrong.
    }
    if (!isOver) setTimeout(() => void ask(), EVERY)
  }
  setTimeout(() => void ask(), FIRST)
  return () => (isOver = true)
}
