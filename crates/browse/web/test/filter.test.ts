import assert from 'node:assert/strict'
import test from 'node:test'

import { apply, FilterError, lacking, parse, splitAsked, splitsOf } from '../src/filter'
import { sortRows } from '../src/sort'
import { trials } from './trials_of'

const table = trials()
const splits = new Map([['tau', { side: [0, 1, 0, 2, 0], sides: ['train', 'test', 'none'] }]])
const rows = (text: string): number[] => Array.from(apply(parse(text), table, splits))

test('an empty filter keeps every trial', () => {
  assert.deepEqual(rows('  '), [0, 1, 2, 3, 4, 5, 6, 7])
})

test('fields of trials take numbers, ranges, lists and bounds', () => {
  assert.deepEqual(rows('run:2'), [2, 3, 6, 7])
  assert.deepEqual(rows('trial:1-2'), [1, 2, 5, 6])
  assert.deepEqual(rows('trial:0,3'), [0, 3, 4, 7])
  assert.deepEqual(rows('rep:>1'), [2, 5, 6])
  assert.deepEqual(rows('rep:<=1'), [0, 1, 3, 4, 7])
  assert.deepEqual(rows('rep:<1'), [])
})

test('sessions are named whole, by their number, or as a range', () => {
  for (const text of ['session:ses-12', 'ses:12', 'session:2-40', 'SES:ses-12']) assert.deepEqual(rows(text), [4, 5, 6, 7], text)
  assert.deepEqual(rows('session:1'), [0, 1, 2, 3])
})

test('fields of images', () => {
  assert.deepEqual(rows('shared'), [0, 1, 2, 5, 6])
  assert.deepEqual(rows('unique'), [3, 4, 7])
  assert.deepEqual(rows('dataset:things'), [1, 4, 6])
  assert.deepEqual(rows('noun:dog'), [0, 2, 3, 5])
  assert.deepEqual(rows('noun:"hot dog"'), [7])
  assert.deepEqual(rows('noun:cat'), [1, 3, 6])
  assert.deepEqual(rows('image:_c'), [3])
})

test('words are found in nouns, captions and names, in any case', () => {
  assert.deepEqual(rows('window'), [0, 2, 5])
  assert.deepEqual(rows('DOG'), [0, 2, 3, 5, 7])
  assert.deepEqual(rows('"red car"'), [4])
  assert.deepEqual(rows('dog -unique'), [0, 2, 5])
})

test('splits know their sides', () => {
  assert.deepEqual(rows('split:tau'), [0, 1, 2, 3, 5, 6, 7])
  assert.deepEqual(rows('split:tau/test'), [1, 6])
  assert.deepEqual(rows('-split:tau/train'), [1, 4, 6])
  assert.deepEqual(splitsOf(parse('split:tau/test split:tau -split:ood')), ['tau', 'ood'])
  assert.deepEqual(splitAsked(parse('-split:ood split:tau/test')), { split: 'tau', side: 'test' })
})

test('a filter by what is not on disk says so', () => {
  const all = { captions: true, masks: true }
  const why = (text: string, known = all): string => lacking(parse(text), table, known)
  assert.equal(why('noun:dog dataset:things window'), '')
  assert.match(why('noun:dog', { ...all, masks: false }), /^the objects in the images are not on disk$/)
  assert.match(why('run:1 -noun:dog', { ...all, masks: false }), /objects/)
  assert.match(why('window', { ...all, captions: false }), /captions are not on disk/)
  assert.equal(why('run:1 shared', { captions: false, masks: false }), '')
  assert.match(lacking(parse('dataset:x'), { datasets: [''] }, all), /data sets/)
})

test('what cannot be understood is said with its place', () => {
  const wrong: [string, RegExp][] = [
    ['shared colour:red', /no field `colour`.*character 8/],
    ['run:', /`run:` has no value.*character 1/],
    ['run:a', /`a` is not a number/],
    ['session:3', /no session `3`; there are ses-01, ses-12/],
    ['dataset:COCO', /no data set `COCO`/],
    ['split:other', /no split `other`/],
    ['split:tau/left', /no side `left`; it has train, test, none/],
    ['a "b c', /quotation mark is not closed.*character 3/],
  ]
  for (const [text, expected] of wrong) {
    assert.throws(() => rows(text), (error) => error instanceof FilterError && expected.test(error.message), text)
  }
})

test('rows are sorted by a column, and then by their own order', () => {
  const sorted = (sort: string): number[] => Array.from(sortRows(Uint32Array.from(rows('')), sort, table, splits.get('tau')!))
  assert.deepEqual(sorted('run'), [0, 1, 4, 5, 2, 3, 6, 7])
  assert.deepEqual(sorted('-run'), [2, 3, 6, 7, 0, 1, 4, 5])
  assert.deepEqual(sorted('-rep'), [5, 2, 6, 0, 1, 3, 4, 7])
  assert.deepEqual(sorted('side'), [0, 2, 3, 5, 7, 1, 6, 4])
  // By noun, then by name; images without a noun come last.
  assert.deepEqual(sorted('image'), [1, 6, 0, 2, 5, 3, 7, 4])
  assert.deepEqual(sorted('nonsense'), [0, 1, 2, 3, 4, 5, 6, 7])
})

test('trials are found by session and row', () => {
  assert.equal(table.find('ses-12', 2), 6)
  assert.equal(table.find('ses-01', 4), -1)
  assert.equal(table.find('ses-02', 0), -1)
  assert.equal(table.firstRowOf(1), 1)
  assert.equal(table.countOf('ses-12'), 4)
  assert.deepEqual([0, 1, 4].map((image) => table.timesShown(image)), [3, 2, 1])
})
