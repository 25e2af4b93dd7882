/** NIfTI-1 files of one volume: read into float32, and written for the viewer. */

import { type Affine, inverse } from './affine'

export interface Volume {
  shape: readonly [number, number, number]
  affine: Affine
  /** Millimetres to voxel indices. */
  toVoxel: Affine
  /** The values, x fastest. */
  data: Float32Array
}

export class NiftiError extends Error {}

const BYTES: Record<number, number> = { 2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4 }

/** At most this many voxels, so that a wrong header cannot ask for all memory. */
const MAX_VOXELS = 512 ** 3

/** Reads a file, gzipped or not; of a 4-D file the first volume. */
export async function read(buffer: ArrayBuffer): Promise<Volume> {
  const plain = isGzip(buffer) ? await inflate(buffer) : buffer
  const view = new DataView(plain)
  if (plain.byteLength < 352) throw new NiftiError(`the file has ${plain.byteLength} bytes, fewer than a NIfTI header`)
  const little = view.getInt32(0, true) === 348
  if (!little && view.getInt32(0, false) !== 348) throw new NiftiError('the file is not NIfTI-1')
  const dims = [0, 1, 2, 3].map((i) => view.getInt16(40 + 2 * i, little))
  const shape = [dims[1]!, dims[2]!, dims[0]! >= 3 ? dims[3]! : 1] as const
  const voxels = shape[0] * shape[1] * shape[2]
  if (dims[0]! < 2 || shape.some((length) => length < 1) || voxels > MAX_VOXELS) {
    throw new NiftiError(`the shape ${shape.join(' x ')} is not that of a volume`)
  }
  const type = view.getInt16(70, little)
  const size = BYTES[type]
  if (!size) throw new NiftiError(`values of NIfTI type ${type} cannot be shown`)
  const offset = Math.trunc(view.getFloat32(108, little))
  if (!(offset >= 348) || offset + voxels * size > plain.byteLength) {
    throw new NiftiError(`expected ${voxels * size} bytes of values behind byte ${offset}, got ${Math.max(0, plain.byteLength - offset)}`)
  }
  const affine = affineOf(view, little)
  const toVoxel = inverse(affine)
  if (!toVoxel) throw new NiftiError('the affine of the file has no inverse')
  return { shape, affine, toVoxel, data: values(view, type, offset, voxels, little) }
}

/** The value at voxel indices; undefined outside the grid. */
export function at(volume: Volume, [i, j, k]: readonly [number, number, number]): number | undefined {
  const [nx, ny, nz] = volume.shape
  if (!(i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz)) return undefined
  return volume.data[i + nx * (j + ny * k)]
}

function values(view: DataView, type: number, offset: number, count: number, little: boolean): Float32Array {
  const slope = view.getFloat32(112, little) || 1
  const inter = view.getFloat32(112, little) ? view.getFloat32(116, little) : 0
  const isScaled = Number.isFinite(slope) && Number.isFinite(inter) && (slope !== 1 || inter !== 0)
  if (type === 16 && little && offset % 4 === 0 && !isScaled) return new Float32Array(view.buffer, offset, count)
  const out = new Float32Array(count)
  const size = BYTES[type]!
  const get: (at: number) => number = {
    2: (at: number) => view.getUint8(at),
    4: (at: number) => view.getInt16(at, little),
    8: (at: number) => view.getInt32(at, little),
    16: (at: number) => view.getFloat32(at, little),
    64: (at: number) => view.getFloat64(at, little),
    256: (at: number) => view.getInt8(at),
    512: (at: number) => view.getUint16(at, little),
    768: (at: number) => view.getUint32(at, little),
  }[type]!
  for (let i = 0; i < count; i++) {
    const raw = get(offset + i * size)
    out[i] = isScaled ? raw * slope + inter : raw
  }
  return out
}

function affineOf(view: DataView, little: boolean): Affine {
  const float = (at: number): number => view.getFloat32(at, little)
  if (view.getInt16(254, little) > 0) {
    return Array.from({ length: 12 }, (_, i) => float(280 + 4 * i)) as unknown as Affine
  }
  const [dx, dy, dz] = [float(80), float(84), float(88)]
  if (view.getInt16(252, little) <= 0) return [dx, 0, 0, 0, 0, dy, 0, 0, 0, 0, dz, 0]
  // The quaternion of the qform, as the NIfTI-1 standard defines it.
  const [b, c, d] = [float(256), float(260), float(264)]
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d))
  const z = dz * (float(76) < 0 ? -1 : 1)
  return [
    (a * a + b * b - c * c - d * d) * dx, 2 * (b * c - a * d) * dy, 2 * (b * d + a * c) * z, float(268),
    2 * (b * c + a * d) * dx, (a * a + c * c - b * b - d * d) * dy, 2 * (c * d - a * b) * z, float(272),
    2 * (b * d - a * c) * dx, 2 * (c * d + a * b) * dy, (a * a + d * d - b * b - c * c) * z, float(276),
  ]
}

/**
 * The bytes of a file with these values: float32, or red, green, blue and alpha (NIfTI type 2304).
 *
 * `range` is written as the values that a viewer shows as the darkest and the brightest.
 */
export function write(
  shape: readonly [number, number, number],
  affine: Affine,
  data: Float32Array | Uint8Array,
  range: readonly [number, number] = [0, 0],
): ArrayBuffer {
  const isColor = data instanceof Uint8Array
  const buffer = new ArrayBuffer(352 + data.byteLength)
  const view = new DataView(buffer)
  view.setInt32(0, 348, true)
  ;[3, ...shape, 1, 1, 1, 1].forEach((length, i) => view.setInt16(40 + 2 * i, length, true))
  view.setInt16(70, isColor ? 2304 : 16, true)
  view.setInt16(72, 32, true)
  const size = (column: number): number => Math.hypot(affine[column]!, affine[4 + column]!, affine[8 + column]!)
  ;[1, size(0), size(1), size(2), 1, 1, 1, 1].forEach((length, i) => view.setFloat32(76 + 4 * i, length, true))
  view.setFloat32(108, 352, true)
  view.setFloat32(112, 1, true)
  view.setUint8(123, 2)
  view.setFloat32(124, range[1], true)
  view.setFloat32(128, range[0], true)
  view.setInt16(254, 1, true)
  affine.forEach((number, i) => view.setFloat32(280 + 4 * i, number, true))
  view.setUint32(344, 0x6e2b3100, false)
  new Uint8Array(buffer, 352).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return buffer
}

function isGzip(buffer: ArrayBuffer): boolean {
  const [first, second] = new Uint8Array(buffer, 0, Math.min(2, buffer.byteLength))
  return first === 0x1f && second === 0x8b
}

async function inflate(buffer: ArrayBuffer): Promise<ArrayBuffer> {
  const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).arrayBuffer()
}
