/** A map of the user's own: what of it is drawn, and whether it lies on the grid of the betas. */

import { type Point, transform } from './affine'
import { at, read, type Volume } from './nifti'

export interface OwnMap {
  name: string
  /** Another one is another file. */
  key: string
  volume: Volume
}

/** Reads a file, which does not leave the browser; an error names it. */
export async function openMap(file: File): Promise<OwnMap> {
  try {
    const volume = await read(await file.arrayBuffer())
    return { name: file.name, key: `file ${file.name} ${file.lastModified}`, volume }
  } catch (error) {
    throw new Error(`${file.name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/**
 * The map without its zeros outside the brain: programs write them where there is no value. Zeros
 * inside are values. What lies outside is decided in millimetres, so that every grid has it.
 */
export function withoutOutside(volume: Volume, brain: Volume): Volume {
  const [nx, ny, nz] = volume.shape
  const place = (i: number, j: number, k: number): Point => transform(brain.toVoxel, transform(volume.affine, [i, j, k]))
  // From the first voxel, a step along each axis of the map.
  const first = place(0, 0, 0)
  const along = (end: Point): Point => end.map((index, axis) => index - first[axis]!) as Point
  const [x, y, z] = [along(place(1, 0, 0)), along(place(0, 1, 0)), along(place(0, 0, 1))]
  const data = Float32Array.from(volume.data)
  let index = 0
  for (let k = 0; k < nz; k++) {
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++, index++) {
        if (data[index] !== 0) continue
        const on = (axis: 0 | 1 | 2): number => Math.round(first[axis] + i * x[axis] + j * y[axis] + k * z[axis])
        if (!(at(brain, [on(0), on(1), on(2)])! > 0)) data[index] = NaN
      }
    }
  }
  return { ...volume, data }
}

/** Why a map may not fit the brain below it; null for one on the grid of the betas. */
export function gridNote(name: string, volume: Volume, grid: Volume): string | null {
  const placed = `It is drawn by its millimetres, which is right only if they are those of this subject's T1w image.`
  if (volume.shape.some((length, axis) => length !== grid.shape[axis])) {
    return `${name} is not on the grid of the betas: it has ${volume.shape.join(' x ')} voxels, and they have ${grid.shape.join(' x ')}. ${placed}`
  }
  // A hundredth of a millimetre is the rounding of a header.
  const isSame = volume.affine.every((number, i) => Math.abs(number - grid.affine[i]!) < 0.01)
  return isSame ? null : `${name} is not on the grid of the betas: it has their shape, and another affine. ${placed}`
}
