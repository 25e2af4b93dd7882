/** The colours of the vertices of a surface: values, the border of an ROI, and the bare cortex. */

import type { Rgb } from './api'
import { isDrawn, type Scale, step } from './colour'

/** The cortex where nothing is drawn. */
const GREY = 172
/** Fourth numbers. NiiVue takes a mesh with a 0 for bundles of fibres. */
const [LIT, KEPT] = [1, 255]
/** The colour of outlines on the planes. */
const OUTLINE: Rgb = [127, 255, 212]

/** The vertices of an ROI that have a neighbour outside of it. */
export function borderOf(inside: (vertex: number) => boolean, triangles: ArrayLike<number>): Set<number> {
  const border = new Set<number>()
  for (let first = 0; first + 2 < triangles.length; first += 3) {
    const corners = [triangles[first]!, triangles[first + 1]!, triangles[first + 2]!]
    const within = corners.filter(inside)
    if (within.length < 3) within.forEach((vertex) => border.add(vertex))
  }
  return border
}

/** Colours each vertex. The fourth number is `KEPT` for a colour of the bar, and `LIT` for the cortex. */
export function paintVertices(colours: Uint8Array, values: Float32Array | undefined, border: ReadonlySet<number>, scale: Scale | null, opacity: number): void {
  for (let vertex = 0; vertex < colours.length / 4; vertex++) {
    const value = values?.[vertex] ?? NaN
    const isOutline = border.has(vertex)
    const colour = isOutline ? OUTLINE : scale && isDrawn(value, scale) ? scale.table[step(value, scale)]! : null
    const part = isOutline ? 1 : opacity
    for (let channel = 0; channel < 3; channel++) {
      colours[4 * vertex + channel] = colour ? Math.round(part * colour[channel]! + (1 - part) * GREY) : GREY
    }
    colours[4 * vertex + 3] = colour ? KEPT : LIT
  }
}
