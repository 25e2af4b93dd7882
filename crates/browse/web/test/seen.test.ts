import assert from 'node:assert/strict'
import test from 'node:test'

import { responseText } from '../src/seen'

test('a picture of a response is said in words', () => {
  assert.equal(responseText('sub-03', 12, 2.6, 'z = -12'), 'sub-03: mean beta over 12 trials, slice z = -12 mm; blue to −2.6, red to 2.6')
  assert.match(responseText('sub-01', 1, 0.5, 'z = 4'), /over 1 trial, .* red to 0\.5$/)
})
