/** The responses of a voxel by image: means over trials in order, and how the values are spread. */

import type { Trials } from './trials'

export interface Ranking {
  /** Indices of images with a response, the strongest mean first. */
  images: Uint32Array
  /** The means in the same order. */
  means: Float64Array
  /** How many trials each mean is of. */
  counts: Uint16Array
  /** The number of trials with a response. */
  trials: number
}

/** Ranks images by the mean of their responses; NaN is no response. */
export function rank(responses: Float32Array, trials: Trials): Ranking {
  if (responses.length !== trials.rows) {
    throw new Error(`expected ${trials.rows} responses, one for each trial, got ${responses.length}`)
  }
  const sums = new Float64Array(trials.images.length)
  const seen = new Uint16Array(trials.images.length)
  let answered = 0
  for (let row = 0; row < responses.length; row++) {
    const response = responses[row]!
    if (Number.isNaN(response)) continue
    const image = trials.image[row]!
    sums[image] = sums[image]! + response
    seen[image] = seen[image]! + 1
    answered++
  }
  const found: number[] = []
  seen.forEach((count, image) => count > 0 && found.push(image))
  const mean = (image: number): number => sums[image]! / seen[image]!
  found.sort((left, right) => mean(right) - mean(left) || left - right)
  return {
    images: Uint32Array.from(found),
    means: Float64Array.from(found, mean),
    counts: Uint16Array.from(found, (image) => seen[image]!),
    trials: answered,
  }
}

export interface Histogram {
  low: number
  high: number
  counts: Uint32Array
}

/** Counts finite values in bins of one width, from the lowest to the highest. */
export function histogram(values: Float32Array, bins: number): Histogram | null {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  if (low > high) return null
  const counts = new Uint32Array(bins)
  const width = (high - low) / bins || 1
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    const bin = Math.min(bins - 1, Math.floor((value - low) / width))
    counts[bin] = counts[bin]! + 1
  }
  return { low, high, counts }
}
