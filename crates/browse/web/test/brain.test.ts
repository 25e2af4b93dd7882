import assert from 'node:assert/strict'
import test from 'node:test'

import { type Affine, inverse, transform } from '../src/affine'
import type { Rgb } from '../src/api'
import { blank, isDrawn, paint, roundUp, type Scale, step, usualSize, greyRange } from '../src/colour'
import { crosshair } from '../src/crosshair'
import { GiftiError, readArrays } from '../src/gifti'
import { NiftiError, read, type Volume, write } from '../src/nifti'
import { value } from '../src/numbers'
import { outline } from '../src/outline'
import { gridNote, openMap, withoutOutside } from '../src/own'
import { histogram, rank } from '../src/ranking'
import { borderOf, paintVertices } from '../src/vertices'
import { trials } from './trials_of'

const AFFINE: Affine = [-2, 0, 0, 10, 0, 2, 0, -20, 0, 0, 2, -30]
const table = Array.from({ length: 256 }, (_, i): Rgb => [i, 255 - i, 7])

async function volume(shape: [number, number, number], data: number[]): Promise<Volume> {
  return read(write(shape, AFFINE, Float32Array.from(data)))
}

test('an affine map has a map back', () => {
  const oblique: Affine = [-1.7, 0.2, 0, 90, 0.1, 1.8, 0.3, -120, 0, -0.4, 1.6, -70]
  const back = inverse(oblique)!
  transform(back, transform(oblique, [3, -4, 5])).forEach((index, axis) => assert.ok(Math.abs(index - [3, -4, 5][axis]!) < 1e-9))
  assert.equal(inverse([1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0]), null)
})

test('a volume that was written is read again', async () => {
  const found = await volume([2, 1, 2], [1, NaN, 0, -3])
  assert.deepEqual([...found.shape], [2, 1, 2])
  assert.deepEqual([...found.affine], [...AFFINE])
  assert.deepEqual(Array.from(found.data), [1, NaN, 0, -3])
})

test('gzip, scaled integers and big-endian bytes are read', async () => {
  const buffer = new ArrayBuffer(352 + 8)
  const view = new DataView(buffer)
  view.setInt32(0, 348, false)
  ;[3, 2, 2, 1].forEach((length, i) => view.setInt16(40 + 2 * i, length, false))
  view.setInt16(70, 4, false)
  ;[1, 3, 3, 3].forEach((size, i) => view.setFloat32(76 + 4 * i, size, false))
  view.setFloat32(108, 352, false)
  view.setFloat32(112, 0.5, false)
  view.setFloat32(116, 1, false)
  ;[0, 2, -4, 100].forEach((raw, i) => view.setInt16(352 + 2 * i, raw, false))
  const packed = await new Response(new Blob([buffer]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer()
  const found = await read(packed)
  assert.deepEqual(Array.from(found.data), [1, 2, -1, 51])
  // Without qform and sform, voxels are as large as the header says.
  assert.deepEqual(transform(found.affine, [1, 1, 1]), [3, 3, 3])
})

test('the quaternion of a qform turns axes', async () => {
  const buffer = write([1, 1, 1], AFFINE, Float32Array.of(1))
  const view = new DataView(buffer)
  view.setInt16(254, 0, true)
  view.setInt16(252, 1, true)
  // A half turn around the third axis: b = c = 0, d = 1.
  view.setFloat32(264, 1, true)
  ;[10, -20, -30].forEach((mm, i) => view.setFloat32(268 + 4 * i, mm, true))
  const { affine } = await read(buffer)
  assert.deepEqual(transform(affine, [1, 1, 1]), [8, -22, -28])
})

test('files that are no volumes are refused', async () => {
  const damaged = (change: (view: DataView) => void): Promise<unknown> => {
    const buffer = write([2, 2, 2], AFFINE, new Float32Array(8))
    change(new DataView(buffer))
    return read(buffer)
  }
  const wrong: [(view: DataView) => void, RegExp][] = [
    [(view) => view.setInt32(0, 540, true), /not NIfTI-1/],
    [(view) => view.setInt16(42, -2, true), /shape -2 x 2 x 2/],
    [(view) => view.setInt16(44, 30000, true), /expected \d+ bytes|shape/],
    [(view) => view.setInt16(70, 1792, true), /type 1792/],
    [(view) => view.setFloat32(108, 8, true), /behind byte 8/],
    [(view) => view.setFloat32(280, 0, true), /no inverse/],
  ]
  for (const [change, expected] of wrong) {
    await assert.rejects(damaged(change), (error) => error instanceof NiftiError && expected.test(error.message), String(expected))
  }
  await assert.rejects(read(new ArrayBuffer(10)), /10 bytes/)
})

test('NaN is transparent, zero is a colour, and the edge is empty', async () => {
  const found = await volume([4, 1, 1], [NaN, 0, -1, 1])
  const scale: Scale = { table, diverging: true, low: -2, high: 2, threshold: 0 }
  const painted = blank(found)
  paint(found, scale, painted)
  assert.deepEqual(painted.shape, [6, 3, 3])
  const at = (x: number, y = 1, z = 1): number[] => Array.from(painted.data.subarray(4 * (x + 6 * (y + 3 * z)), 4 * (x + 6 * (y + 3 * z)) + 4))
  assert.deepEqual([at(1), at(2), at(3), at(4)], [[0, 0, 0, 0], [128, 127, 7, 255], [64, 191, 7, 255], [192, 63, 7, 255]])
  assert.equal(painted.data.filter((_, i) => i % 4 === 3).reduce((sum, alpha) => sum + alpha, 0), 3 * 255)
  // Voxel 1 of the colours lies where voxel 0 of the values lies.
  assert.deepEqual(transform(painted.affine, [1, 1, 1]), transform(found.affine, [0, 0, 0]))
  // Painting again leaves nothing of the colours before.
  paint(found, { ...scale, threshold: 1 }, painted)
  assert.deepEqual([at(1), at(2), at(3)[3], at(4)[3]], [[0, 0, 0, 0], [0, 0, 0, 0], 255, 255])
})

test('a sequential map hides what is below the threshold', () => {
  const scale: Scale = { table, diverging: false, low: 0, high: 100, threshold: 10 }
  assert.deepEqual([-20, 0, 9.9, 10, 500, NaN].map((number) => isDrawn(number, scale)), [false, false, false, true, true, false])
  assert.equal(isDrawn(0, { ...scale, threshold: 0 }), true)
  assert.deepEqual([-1, 0, 50, 100, 200].map((number) => step(number, scale)), [0, 0, 128, 255, 255])
})

test('the usual size leaves out NaN and extremes', () => {
  const data = Float32Array.from({ length: 1000 }, (_, i) => (i === 0 ? 1e6 : i % 2 === 0 ? NaN : i / 1000))
  assert.equal(usualSize(data), 1)
  assert.equal(usualSize(Float32Array.of(NaN, NaN)), 1)
  // As a figure has it: every value counts, the last one too.
  assert.equal(usualSize(Float32Array.from({ length: 101 }, (_, i) => -i)), 99)
  assert.equal(usualSize(Float32Array.of(1, 7)), 7)
  assert.deepEqual([0.0123, 2.31, 45, 99.1].map(roundUp), [0.013, 2.4, 45, 100])
})

test('the greys of an anatomy leave out the background and extremes', () => {
  const data = Float32Array.from({ length: 3000 }, (_, i) => (i < 2000 ? 0 : i === 2500 ? 1e6 : 100 + (i % 100)))
  assert.deepEqual(greyRange(data), [101, 199])
  assert.deepEqual(greyRange(Float32Array.of(0, 0, 2, 2)), [0, 3])
  assert.deepEqual(greyRange(new Float32Array(4)), [0, 1.5])
})

test('arrays of a GIFTI file are read, and others refused', async () => {
  const packed = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'))
    return Buffer.from(await new Response(stream).arrayBuffer()).toString('base64')
  }
  const points = await packed(new Uint8Array(Float32Array.of(1, NaN, -3, 4, 5, 6).buffer))
  const corners = await packed(new Uint8Array(Int32Array.of(0, 1, 1).buffer))
  const array = (type: string, dims: string, data: string, encoding = 'GZipBase64Binary'): string =>
    `<DataArray Intent="x" DataType="${type}" ${dims} Encoding="${encoding}" Endian="LittleEndian"><MetaData></MetaData>\n<Data>${data}</Data></DataArray>`
  const read = (...arrays: string[]): Promise<(Float32Array | Int32Array)[]> =>
    readArrays(new TextEncoder().encode(`<?xml version="1.0"?><GIFTI>${arrays.join('')}</GIFTI>`).buffer as ArrayBuffer)
  const found = await read(array('NIFTI_TYPE_FLOAT32', 'Dim0="2" Dim1="3"', points), array('NIFTI_TYPE_INT32', 'Dim0="1" Dim1="3"', corners))
  assert.deepEqual(found.map((values) => Array.from(values)), [[1, NaN, -3, 4, 5, 6], [0, 1, 1]])
  await assert.rejects(read(array('NIFTI_TYPE_FLOAT32', 'Dim0="7"', points)), /24 bytes, expected 28/)
  await assert.rejects(read(array('NIFTI_TYPE_UINT8', 'Dim0="6"', points)), /type NIFTI_TYPE_UINT8/)
  await assert.rejects(read(array('NIFTI_TYPE_FLOAT32', 'Dim0="6"', points, 'ASCII')), GiftiError)
})

test('values are written as people read them', () => {
  assert.deepEqual([0, -1.23456, 25.3049, 31650.4, 0.00012].map((number) => value(number)), ['0', '−1.235', '25.305', '3.17e+4', '1.20e−4'])
  assert.equal(value(25, '%'), '25%')
  assert.equal(value(1.5, 'SD'), '1.5 SD')
  assert.equal(value(NaN, '%'), 'no value (NaN)')
})

test('images are ranked by the mean of their responses', () => {
  const ranking = rank(Float32Array.of(1, 5, 3, -1, NaN, 2, 6, NaN), trials())
  assert.deepEqual(Array.from(ranking.images), [1, 0, 2])
  assert.deepEqual(Array.from(ranking.means), [5.5, 2, -1])
  assert.deepEqual(Array.from(ranking.counts), [2, 3, 1])
  assert.equal(ranking.trials, 6)
  assert.throws(() => rank(new Float32Array(3), trials()), /expected 8 responses/)
})

test('a histogram counts finite values', () => {
  assert.deepEqual(Array.from(histogram(Float32Array.of(0, 1, 1, 4, NaN), 4)!.counts), [1, 2, 0, 1])
  assert.equal(histogram(Float32Array.of(NaN), 4), null)
  assert.deepEqual(Array.from(histogram(Float32Array.of(2, 2), 2)!.counts), [2, 0])
})

test('an outline goes along the edges of voxels', async () => {
  // One voxel, (1, 1, 0), on an axial plane with 10 pixels for each 2 mm, seen from above with x to the right.
  const mask = await volume([3, 3, 1], [0, 0, 0, 0, 1, 0, 0, 0, 0])
  const plane = { left: 100, top: 50, width: 30, height: 30, corner: [5, -15, -30] as [number, number, number], right: [0.2, 0, 0] as [number, number, number], down: [0, -0.2, 0] as [number, number, number] }
  // x = 8 mm lies 3 mm, 15 pixels, from the corner; y = -18 mm too. Half a voxel is 5 pixels.
  const edges = outline(mask, plane).map((segment) => segment.map(Math.round))
  const expected = [[120, 70, 120, 60], [110, 70, 110, 60], [120, 70, 110, 70], [120, 60, 110, 60]]
  assert.deepEqual(edges, expected)
  // On another layer there is nothing.
  assert.deepEqual(outline(mask, { ...plane, corner: [5, -15, -26] }), [])
})

test('the crosshair is free around its point and at the letters, and nowhere off the plane', () => {
  // 200 x 100 pixels of a tenth of a millimetre: x grows to the right, z up.
  const at = (mm: [number, number, number]): number[][] =>
    crosshair(mm, { left: 10, top: 20, width: 200, height: 100, corner: [0, 7, 0], right: [0.1, 0, 0], down: [0, 0, -0.1] })
  assert.deepEqual(at([10.05, 7, -5.05]), [[26, 70.5, 105.5, 70.5], [115.5, 70.5, 194, 70.5], [110.5, 36, 110.5, 65.5], [110.5, 75.5, 110.5, 104]])
  // Near an edge, the short piece would be on the letter.
  assert.deepEqual(at([1.05, 7, -5.05]).map(([x0]) => x0), [25.5, 20.5, 20.5])
  assert.deepEqual(at([21, 7, -5]), [])
  assert.deepEqual(at([10, 7, 1]), [])
})

test('the border of an ROI on a surface is inside of it', () => {
  // A strip of triangles: 0 and 1 lie in the ROI with 2, which alone has no neighbour outside with 0.
  const triangles = [0, 1, 2, 1, 2, 3, 2, 3, 4]
  const border = (...inside: number[]): number[] => [...borderOf((vertex) => inside.includes(vertex), triangles)].sort()
  assert.deepEqual(border(0, 1, 2), [1, 2])
  assert.deepEqual(border(0, 1, 2, 3, 4), [])
  assert.deepEqual(border(), [])
  assert.deepEqual(border(4), [4])
})

test('on a surface, colours of the bar are kept and the bare cortex is lit', () => {
  const scale: Scale = { table, diverging: false, low: 0, high: 256, threshold: 10 }
  const colours = new Uint8Array(16)
  paintVertices(colours, Float32Array.of(20, 5, NaN, 20), new Set([3]), scale, 1)
  assert.deepEqual([...colours.subarray(0, 4)], [...table[20]!, 255])
  const bare = [...colours.subarray(4, 8)]
  assert.ok(bare[0] === bare[1] && bare[1] === bare[2] && bare[3]! < 128 && bare[3]! > 0)
  assert.deepEqual([...colours.subarray(8, 12)], bare)
  assert.equal(colours[15], 255)
  assert.notDeepEqual([...colours.subarray(12, 15)], table[20])
})

test('of a map of one\'s own, zero outside the brain is no value', async () => {
  const brain = await volume([4, 1, 1], [0, 1, 1, 0])
  const own = await volume([4, 1, 1], [0, 0, 5, 7])
  assert.deepEqual(Array.from(withoutOutside(own, brain).data), [NaN, 0, 5, 7])
  assert.deepEqual(Array.from(own.data), [0, 0, 5, 7])
  // A grid that begins two voxels later, in millimetres: its first voxel is the third one of the brain.
  const later: Affine = [-2, 0, 0, 6, 0, 2, 0, -20, 0, 0, 2, -30]
  const part = await read(write([3, 1, 1], later, Float32Array.of(0, 0, 0)))
  assert.deepEqual(Array.from(withoutOutside(part, brain).data), [0, NaN, NaN])
})

test('a map on another grid is said', async () => {
  const grid = await volume([2, 2, 2], new Array(8).fill(1))
  assert.equal(gridNote('a.nii', grid, grid), null)
  assert.match(gridNote('a.nii', await volume([2, 2, 1], [1, 1, 1, 1]), grid)!, /^a\.nii is not on the grid.* 2 x 2 x 1 voxels, and they have 2 x 2 x 2/)
  const moved: Affine = [-2, 0, 0, 11, 0, 2, 0, -20, 0, 0, 2, -30]
  assert.match(gridNote('a.nii', await read(write([2, 2, 2], moved, new Float32Array(8))), grid)!, /another affine/)
})

test('a file that is no map is named', async () => {
  await assert.rejects(openMap(new File([new Uint8Array(400)], 'nc.png')), /^Error: nc\.png: the file is not NIfTI-1/)
})
