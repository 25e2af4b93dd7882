import assert from 'node:assert/strict'
import test from 'node:test'

import { fromAddress, START, toAddress, type View } from '../src/view'

test('an address gives back its view', () => {
  const view: View = {
    subject: 'sub-03', session: 'ses-01', trial: 12, show: 'mean', anatomy: 'T1w', threshold: 0.5, range: 3,
    opacity: 0.4, roi: 'FFA1 | PPA & ~V1', filter: 'noun:"hot dog" a/b?c#d', sort: '-run', split: 'tau', voxel: [1, 20, 3], layout: 'axial',
  }
  assert.deepEqual(fromAddress(toAddress(view)), view)
  assert.deepEqual(fromAddress(toAddress(START)), START)
  assert.equal(toAddress({ ...START, subject: 'sub-01' }), '#/sub-01')
})

test('what cannot be read is as at the start', () => {
  const view = fromAddress('#/sub-01/ses-01/x?threshold=-1&opacity=7&voxel=1,2&layout=sideways&range=0&%')
  assert.deepEqual(view, { ...START, subject: 'sub-01', session: 'ses-01' })
  assert.deepEqual(fromAddress('#/%E0%A4%A'), START)
})
