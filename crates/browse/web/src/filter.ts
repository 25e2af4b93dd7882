/** The filter of the trials: fields and words, all of which a trial must meet. */

import type { SplitSides } from './api'
import type { Trials } from './trials'

/** One part of a filter, with its place in the text. */
export interface Term {
  field: Field
  value: string
  negated: boolean
  start: number
}

export type Field = 'session' | 'run' | 'rep' | 'trial' | 'dataset' | 'split' | 'noun' | 'image' | 'shared' | 'unique' | 'word'

/** A filter that cannot be understood, and where. */
export class FilterError extends Error {
  constructor(
    message: string,
    readonly start: number,
  ) {
    super(`${message} (at character ${start + 1} of the filter)`)
  }
}

const FIELDS: Record<string, Field> = {
  session: 'session',
  ses: 'session',
  run: 'run',
  rep: 'rep',
  repetition: 'rep',
  trial: 'trial',
  dataset: 'dataset',
  split: 'split',
  noun: 'noun',
  image: 'image',
}

/** Reads a filter. A field is `name:value`; everything else is a word of name, noun or caption. */
export function parse(text: string): Term[] {
  const terms: Term[] = []
  const pattern = /(-?)(?:([A-Za-z_]+):)?(?:"([^"]*)("?)|(\S+))|(\S)/g
  for (const found of text.matchAll(pattern)) {
    const start = found.index
    const [, minus = '', name, quoted, closing, bare, lost] = found
    if (lost !== undefined) {
      if (lost === '-') continue
      throw new FilterError(`nothing can start with \`${lost}\``, start)
    }
    if (quoted !== undefined && closing === '') throw new FilterError('a quotation mark is not closed', start)
    const value = (quoted ?? bare ?? '').trim()
    const negated = minus === '-'
    if (name === undefined) {
      const lower = value.toLowerCase()
      if (quoted === undefined && (lower === 'shared' || lower === 'unique')) {
        terms.push({ field: lower, value: '', negated, start })
      } else if (quoted === undefined && /^[a-z_]+:$/i.test(value)) {
        throw new FilterError(`\`${value}\` has no value`, start)
      } else if (value !== '' && value !== '-') {
        terms.push({ field: 'word', value, negated, start })
      }
      continue
    }
    const field = FIELDS[name.toLowerCase()]
    if (!field) {
      const known = ['session', 'run', 'rep', 'trial', 'dataset', 'split', 'noun', 'image']
      throw new FilterError(`there is no field \`${name}\`; fields are ${known.join(', ')}`, start)
    }
    if (value === '') throw new FilterError(`\`${name}:\` has no value`, start)
    terms.push({ field, value, negated, start })
  }
  return terms
}

/** The splits that a filter asks about; their sides have to be known before it is applied. */
export function splitsOf(terms: readonly Term[]): string[] {
  return [...new Set(terms.filter((term) => term.field === 'split').map((term) => splitValue(term.value)[0]))]
}

/** The one split and side that a filter asks for, if there is one. */
export function splitAsked(terms: readonly Term[]): { split: string; side: string } | null {
  const term = terms.find((candidate) => candidate.field === 'split' && !candidate.negated)
  if (!term) return null
  const [split, side] = splitValue(term.value)
  return { split, side }
}

function splitValue(value: string): [name: string, side: string] {
  const slash = value.lastIndexOf('/')
  return slash < 0 ? [value, ''] : [value.slice(0, slash), value.slice(slash + 1)]
}

/** What is on disk about the images. */
export interface Known {
  captions: boolean
  /** The table of objects. */
  masks: boolean
}

/** Why a filter finds less than there is: it asks for what is not on disk. Empty if it does not. */
export function lacking(terms: readonly Term[], trials: Pick<Trials, 'datasets'>, known: Known): string {
  const asks = (field: Field): boolean => terms.some((term) => term.field === field)
  const lines = [
    asks('noun') && !known.masks ? 'the objects in the images are not on disk' : '',
    asks('dataset') && isUnknown(trials.datasets) ? 'the data sets of the images are not on disk' : '',
    asks('word') && !known.captions ? 'captions are not on disk, so words are looked for in nouns and names' : '',
  ]
  return lines.filter((line) => line !== '').join('; ')
}

/** Whether the table of images is not on disk: each image is of a data set without a name. */
function isUnknown(datasets: readonly string[]): boolean {
  return datasets.every((name) => name === '')
}

/** The rows that meet every term, in the order of the table. */
export function apply(terms: readonly Term[], trials: Trials, splits: ReadonlyMap<string, SplitSides>): Uint32Array {
  // What is about images is decided once for each image, and what is about trials once for each row.
  const images = new Uint8Array(trials.images.length).fill(1)
  const rowTests: ((row: number) => boolean)[] = []
  for (const term of terms) {
    const test = imageTest(term, trials, splits)
    if (test) {
      for (let image = 0; image < images.length; image++) {
        if (images[image] && test(image) === term.negated) images[image] = 0
      }
    } else {
      const wanted = rowTest(term, trials)
      rowTests.push(term.negated ? (row) => !wanted(row) : wanted)
    }
  }
  const rows = new Uint32Array(trials.rows)
  let length = 0
  for (let row = 0; row < trials.rows; row++) {
    if (images[trials.image[row]!] && rowTests.every((test) => test(row))) rows[length++] = row
  }
  return rows.subarray(0, length)
}

function imageTest(term: Term, trials: Trials, splits: ReadonlyMap<string, SplitSides>): ((image: number) => boolean) | null {
  const value = term.value.toLowerCase()
  switch (term.field) {
    case 'word': {
      const texts = trials.searched()
      return (image) => texts[image]!.includes(value)
    }
    case 'shared':
      return (image) => trials.shared[image] === true
    case 'unique':
      return (image) => trials.shared[image] !== true
    case 'dataset': {
      if (isUnknown(trials.datasets)) return () => false
      const wanted = namesIn(trials.datasets, term, 'data set')
      return (image) => wanted.has(trials.dataset[image]!)
    }
    case 'noun': {
      const parts = value.split(',')
      const wanted = trials.nouns.map((noun) => parts.some((part) => noun.toLowerCase() === part))
      return (image) => trials.objects[image]!.some((noun) => wanted[noun])
    }
    case 'image':
      return (image) => trials.images[image]!.toLowerCase().includes(value)
    case 'split': {
      const [name, side] = splitValue(term.value)
      const sides = splits.get(name)
      if (!sides) throw new FilterError(`there is no split \`${name}\``, term.start)
      const wanted = sides.sides.map((known) => (side === '' ? known !== 'none' : known === side))
      if (side !== '' && !wanted.includes(true)) {
        throw new FilterError(`the split \`${name}\` has no side \`${side}\`; it has ${sides.sides.join(', ')}`, term.start)
      }
      return (image) => wanted[sides.side[image]!] === true
    }
    default:
      return null
  }
}

function rowTest(term: Term, trials: Trials): (row: number) => boolean {
  switch (term.field) {
    case 'session': {
      const wanted = namesIn(trials.sessions, term, 'session')
      return (row) => wanted.has(trials.session[row]!)
    }
    case 'run':
      return numbers(term, trials.run)
    case 'rep':
      return numbers(term, trials.repetition)
    default:
      return numbers(term, trials.trial)
  }
}

/** The indices of names: whole ones, or without `ses-` and leading zeros; `1-3` is a range of them. */
function namesIn(names: readonly string[], term: Term, what: string): Set<number> {
  const wanted = new Set<number>()
  for (const typed of term.value.split(',')) {
    const part = typed.toLowerCase()
    const before = wanted.size
    const range = part.match(/^(?:ses-)?(\d+)-(?:ses-)?(\d+)$/)
    names.forEach((name, index) => {
      const number = Number(name.match(/(\d+)$/)?.[1] ?? NaN)
      const same = name.toLowerCase() === part || (/^\d+$/.test(part) && number === Number(part))
      if (same || (range && number >= Number(range[1]) && number <= Number(range[2]))) wanted.add(index)
    })
    if (wanted.size === before && !range) {
      throw new FilterError(`there is no ${what} \`${typed}\`; there are ${shortened(names)}`, term.start)
    }
  }
  return wanted
}

function shortened(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 3).join(', ')} ... ${names[names.length - 1]}`
}

/** `3`, `1-4`, `>2`, and lists of them. */
function numbers(term: Term, column: Uint16Array | Uint32Array): (row: number) => boolean {
  const ranges = term.value.split(',').map((part): [number, number] => {
    const range = part.match(/^(\d+)(?:-(\d+))?$/)
    if (range) return [Number(range[1]), Number(range[2] ?? range[1])]
    const open = part.match(/^(<=?|>=?)(\d+)$/)
    if (!open) throw new FilterError(`\`${part}\` is not a number, a range such as 1-4, or a bound such as >2`, term.start)
    const bound = Number(open[2])
    if (open[1] === '<') return [0, bound - 1]
    if (open[1] === '<=') return [0, bound]
    return [open[1] === '>' ? bound + 1 : bound, Infinity]
  })
  return (row) => ranges.some(([low, high]) => column[row]! >= low && column[row]! <= high)
}
