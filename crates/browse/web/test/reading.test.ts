import assert from 'node:assert/strict'
import test from 'node:test'

import { type Reading, readingText } from '../src/reading'

const read: Reading = { session: 'ses-01', purpose: 'betas', stored: false, done: 211, total: 1055, seconds: 2 }

test('a read is said with its volumes and the time that is left', () => {
  assert.equal(readingText([]), 'Reading ...')
  assert.match(readingText([read]), /^Reading ses-01: 211 of 1,055 volumes, about 8 s left\. Only the first/)
  assert.match(readingText([read, { ...read, session: 'ses-02', purpose: 'zscore' }]), /^Reading all trials of ses-02 for its z-scores: 211 of 1,055 volumes, about 8 s left\.$/)
})

test('what cannot be counted is said without numbers', () => {
  assert.equal(readingText([{ ...read, done: 0, total: 0 }]), 'Reading ses-01 ...')
  assert.equal(readingText([{ ...read, done: 1, total: 2 }]), 'Reading ses-01 ...')
  assert.equal(readingText([{ ...read, stored: true, seconds: 3.4 }]), 'Reading ses-01 from the store, 3 s so far ...')
  // Nothing is known yet, and nothing is divided by.
  assert.match(readingText([{ ...read, done: 0, seconds: 0 }]), /about 1 s left/)
})
