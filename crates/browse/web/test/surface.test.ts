import assert from 'node:assert/strict'
import test from 'node:test'

import { FIRST, type Look, turned } from '../src/look'
import { arranged } from '../src/save'

/** The look after some keys, each of which has to mean something. */
function after(keys: readonly string[], start: Look = FIRST): Look {
  return keys.reduce((look, key) => turned(look, key)!, start)
}

test('arrows turn the surface and turn it back', () => {
  const { azimuth, elevation, zoom } = FIRST
  assert.deepEqual(after(['ArrowRight']), { azimuth: azimuth + 10, elevation, zoom })
  assert.deepEqual(after(['ArrowDown']), { azimuth, elevation: elevation + 10, zoom })
  assert.deepEqual(after(['ArrowRight', 'ArrowDown', 'ArrowUp', 'ArrowLeft']), FIRST)
  // All the way around, in both directions.
  assert.equal(after(new Array<string>(36).fill('ArrowRight')).azimuth, azimuth)
  assert.equal(after(['ArrowLeft']).azimuth, 350)
})

test('nobody turns the surface over its poles, or loses it by zooming', () => {
  const many = (key: string): Look => after(new Array<string>(60).fill(key))
  assert.deepEqual([many('ArrowUp').elevation, many('ArrowDown').elevation], [-90, 90])
  assert.deepEqual([many('+').zoom, many('-').zoom], [4, 0.5])
})

test('plus and minus undo each other, and 0 is the first look', () => {
  const near = after(['+', '='])
  assert.ok(near.zoom > 1.3 && Math.abs(after(['-', '-'], near).zoom - 1) < 1e-9)
  assert.deepEqual(after(['+', 'ArrowLeft', 'ArrowUp', '0']), FIRST)
})

test('keys of the page are none of the surface', () => {
  for (const key of ['t', 'r', 'm', 'v', '/', '?', 'Enter', 'Tab', 'PageUp', 'Escape']) assert.equal(turned(FIRST, key), null, key)
})

test('slices and surface stand side by side in a saved picture', () => {
  const [brain, surface] = [{ width: 600, height: 400 }, { width: 500, height: 400 }]
  const alone = arranged(brain, null, 1, false)
  assert.deepEqual(alone, { width: 600, height: 500, top: 34, left: 600, bottom: 434 })
  assert.deepEqual(arranged(brain, surface, 1, false), { ...alone, width: 1100 })
  // The stimulus and its notice are below both.
  assert.deepEqual(arranged(brain, surface, 1, true), { ...alone, width: 1100, height: 690 })
  // Title and bar are as large as on the screen.
  assert.deepEqual(arranged(brain, { width: 500, height: 410 }, 2, false), { width: 1100, height: 610, top: 68, left: 600, bottom: 478 })
})
