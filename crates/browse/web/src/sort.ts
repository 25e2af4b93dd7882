/** The order of the trials: by a column, and by the order of the trials where it is the same. */

import type { SplitSides } from './api'
import type { Trials } from './trials'

export type Column = 'session' | 'trial' | 'run' | 'rep' | 'image' | 'dataset' | 'shared' | 'side'
export const COLUMNS: readonly Column[] = ['session', 'trial', 'run', 'rep', 'image', 'dataset', 'shared', 'side']

/** Reads `run` or `-run`; nothing for the order of the trials. */
export function parseSort(text: string): { column: Column; descending: boolean } | null {
  const descending = text.startsWith('-')
  const column = text.replace(/^-/, '') as Column
  return COLUMNS.includes(column) ? { column, descending } : null
}

/** Sorts rows in place. */
export function sortRows(rows: Uint32Array, sort: string, trials: Trials, split: SplitSides | null): Uint32Array {
  const wanted = parseSort(sort)
  if (!wanted) return rows.sort()
  const ranks = ranksOf(wanted.column, trials, split)
  const sign = wanted.descending ? -1 : 1
  // Rank and row in one number: numbers sort many times faster than a comparison in JavaScript.
  const keys = new Float64Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!
    keys[at] = sign * ranks(row) * 2 ** 26 + row
  }
  keys.sort()
  for (let at = 0; at < rows.length; at++) {
    const key = keys[at]!
    rows[at] = key - Math.floor(key / 2 ** 26) * 2 ** 26
  }
  return rows
}

function ranksOf(column: Column, trials: Trials, split: SplitSides | null): (row: number) => number {
  switch (column) {
    case 'session':
      return (row) => trials.session[row]!
    case 'trial':
      return (row) => trials.trial[row]!
    case 'run':
      return (row) => trials.run[row]!
    case 'rep':
      return (row) => trials.repetition[row]!
    case 'dataset': {
      const ranks = ranked(trials.datasets)
      return (row) => ranks[trials.dataset[trials.image[row]!]!] ?? -1
    }
    case 'shared':
      return (row) => (trials.shared[trials.image[row]!] ? 0 : 1)
    case 'side':
      return (row) => split?.side[trials.image[row]!] ?? 0
    case 'image': {
      const ranks = imageRanks(trials)
      return (row) => ranks[trials.image[row]!]!
    }
  }
}

const kept = new WeakMap<Trials, number[]>()

/** Images by noun, then by name, as they are written in the table. */
export function imageRanks(trials: Trials): number[] {
  let ranks = kept.get(trials)
  if (!ranks) {
    ranks = ranked(trials.images.map((name, image) => `${trials.nounOf(image) || '~'}\n${name}`))
    kept.set(trials, ranks)
  }
  return ranks
}

/** The place of each text in their order. */
function ranked(texts: readonly string[]): number[] {
  const order = texts.map((_, index) => index)
  order.sort((left, right) => (texts[left]! < texts[right]! ? -1 : texts[left]! > texts[right]! ? 1 : 0))
  const ranks = new Array<number>(texts.length)
  order.forEach((index, rank) => (ranks[index] = rank))
  return ranks
}
