/** Values to colours: NaN is transparent, zero is a colour, and a threshold hides what is small. */

import type { Affine } from './affine'
import type { Rgb } from './api'
import type { Volume } from './nifti'

/** How the values of a map are drawn. */
export interface Scale {
  /** 256 colours. */
  table: readonly Rgb[]
  diverging: boolean
  low: number
  high: number
  /** Values below it are not drawn; of a diverging map, sizes below it. 0 draws every value. */
  threshold: number
}

/** The table for a kind of map: those that the figures use too. */
export function tableFor(diverging: boolean, tables: Record<string, Rgb[]>): readonly Rgb[] {
  const names = diverging ? ['blue-red', 'diverging'] : ['viridis', 'sequential']
  const name = names.find((candidate) => tables[candidate]?.length === 256)
  return name ? tables[name]! : Array.from({ length: 256 }, (_, i): Rgb => [i, i, i])
}

/** The place of a value on the colour bar, from 0 to 255. */
export function step(value: number, scale: Scale): number {
  const place = (value - scale.low) / (scale.high - scale.low)
  return place <= 0 ? 0 : place >= 1 ? 255 : Math.floor(place * 256)
}

/** Whether a value is drawn. */
export function isDrawn(value: number, scale: Scale): boolean {
  if (Number.isNaN(value)) return false
  return scale.threshold <= 0 || (scale.diverging ? Math.abs(value) : value) >= scale.threshold
}

/** A volume of colours with a transparent voxel on every side, so that no edge is drawn on. */
export interface Painted {
  shape: readonly [number, number, number]
  affine: Affine
  /** Red, green, blue and alpha of each voxel. */
  data: Uint8Array
}

/** Colours of the right size for a volume, all transparent; `data` is used again if it is given. */
export function blank(volume: Volume, data?: Uint8Array): Painted {
  const shape = volume.shape.map((length) => length + 2) as [number, number, number]
  const a = volume.affine
  const origin = [0, 4, 8].map((row) => a[row + 3]! - a[row]! - a[row + 1]! - a[row + 2]!)
  const affine = a.map((number, i) => (i % 4 === 3 ? origin[(i - 3) / 4]! : number)) as unknown as Affine
  return { shape, affine, data: data ?? new Uint8Array(shape[0] * shape[1] * shape[2] * 4) }
}

/** Paints the values of a volume. */
export function paint(volume: Volume, scale: Scale, painted: Painted): void {
  const [nx, ny, nz] = volume.shape
  const { data } = volume
  const out = new Uint32Array(painted.data.buffer, painted.data.byteOffset, painted.data.length / 4)
  const colours = Uint32Array.from(scale.table, ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0)
  const { low, diverging } = scale
  const factor = 256 / (scale.high - low)
  const threshold = scale.threshold > 0 ? scale.threshold : -Infinity
  let from = 0
  for (let k = 0; k < nz; k++) {
    for (let j = 0; j < ny; j++) {
      let to = 1 + (nx + 2) * (j + 1 + (ny + 2) * (k + 1))
      for (let i = 0; i < nx; i++, from++, to++) {
        const value = data[from]!
        const size = diverging ? Math.abs(value) : value
        // NaN is never at or above the threshold.
        if (size >= threshold) {
          const place = (value - low) * factor
          out[to] = colours[place <= 0 ? 0 : place >= 255 ? 255 : place | 0]!
        } else {
          out[to] = 0
        }
      }
    }
  }
}

/** The size below which 99% of the finite values lie, as figures have it; 1 if there is none. */
export function usualSize(data: Float32Array): number {
  const sizes = data.filter(Number.isFinite).map(Math.abs).sort()
  const found = sizes[Math.round((sizes.length - 1) * 0.99)]
  return found !== undefined && found > 0 ? roundUp(found) : 1
}

/** The greys of an anatomy: from 1% to 99% of its values above the background, from an even sample. */
export function greyRange(data: Float32Array): [number, number] {
  const every = Math.max(1, Math.floor(data.length / 100_000))
  const values: number[] = []
  for (let i = 0; i < data.length; i += every) {
    const value = data[i]!
    if (Number.isFinite(value) && value > 0) values.push(value)
  }
  const sorted = Float64Array.from(values).sort()
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  const [low, high] = [at(0.01), at(0.99)]
  // A mask has one value: black is nothing, and it is light grey.
  return low < high ? [low, high] : [0, (high || 1) * 1.5]
}

/** The next number up of two significant digits. */
export function roundUp(number: number): number {
  const unit = 10 ** (Math.floor(Math.log10(number)) - 1)
  return Number((Math.ceil(number / unit - 1e-6) * unit).toPrecision(2))
}
