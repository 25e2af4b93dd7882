/** Outlines of an ROI on the planes of the viewer, along the edges of its voxels. */

import { type Point, transform } from './affine'
import { type Segment, type Stroke, drawLines } from './lines'
import type { Volume } from './nifti'
import type { Plane } from './viewer'

const STROKES: readonly Stroke[] = [[3.5, 'rgba(0, 0, 0, 0.75)'], [1.6, '#7fffd4']]

/**
 * The edges between voxels inside and outside of a mask on one plane.
 *
 * The plane shows the layer of voxels that its middle lies in, so it has to lie along the axes of
 * the mask's grid. All grids of a subject do.
 */
export function outline(mask: Volume, plane: Plane): Segment[] {
  const corner = transform(mask.toVoxel, plane.corner)
  const direction = (step: Point): Point => {
    const end = transform(mask.toVoxel, plane.corner.map((mm, i) => mm + step[i]!) as Point)
    return end.map((index, i) => index - corner[i]!) as Point
  }
  const [right, down] = [direction(plane.right), direction(plane.down)]
  const [u, v] = [largest(right), largest(down)]
  if (u === v) return []
  const w = 3 - u - v
  const [lengthU, lengthV, lengthW] = [mask.shape[u]!, mask.shape[v]!, mask.shape[w]!]
  const layer = Math.round(corner[w]! + (right[w]! * plane.width + down[w]! * plane.height) / 2)
  if (!(layer >= 0 && layer < lengthW)) return []
  const strides = [1, mask.shape[0], mask.shape[0] * mask.shape[1]]
  const base = layer * strides[w]!
  const inside = (a: number, b: number): boolean =>
    a >= 0 && b >= 0 && a < lengthU && b < lengthV && mask.data[base + a * strides[u]! + b * strides[v]!]! > 0
  const x = (a: number): number => plane.left + (a - corner[u]!) / right[u]!
  const y = (b: number): number => plane.top + (b - corner[v]!) / down[v]!
  const segments: Segment[] = []
  for (let b = 0; b < lengthV; b++) {
    for (let a = 0; a < lengthU; a++) {
      if (!inside(a, b)) continue
      // A voxel reaches half an index to each side of its own.
      const [x0, x1, y0, y1] = [x(a - 0.5), x(a + 0.5), y(b - 0.5), y(b + 0.5)]
      if (!inside(a - 1, b)) segments.push([x0, y0, x0, y1])
      if (!inside(a + 1, b)) segments.push([x1, y0, x1, y1])
      if (!inside(a, b - 1)) segments.push([x0, y0, x1, y0])
      if (!inside(a, b + 1)) segments.push([x0, y1, x1, y1])
    }
  }
  return segments
}

/** Draws the outlines of a mask on every plane. */
export function drawOutlines(drawing: CanvasRenderingContext2D, mask: Volume, planes: readonly Plane[]): void {
  for (const plane of planes) {
    const segments = outline(mask, plane)
    if (segments.length === 0) continue
    drawing.save()
    drawing.beginPath()
    drawing.rect(plane.left, plane.top, plane.width, plane.height)
    drawing.clip()
    drawLines(drawing, segments, 'square', STROKES)
    drawing.restore()
  }
}

function largest(step: Point): number {
  const sizes = step.map(Math.abs)
  return sizes.indexOf(Math.max(...sizes))
}
