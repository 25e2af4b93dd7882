/** The lines through the chosen voxel, as wide on the screen at every size of voxel and plane. */

import type { Point } from './affine'
import { type Segment, type Stroke, drawLines } from './lines'
import type { Plane } from './viewer'

/** CSS pixels: free around the point, and at the edges, where the letters of the directions are. */
const GAP = 5
const EDGE = 16

const STROKES: readonly Stroke[] = [[3, 'rgba(0, 0, 0, 0.5)'], [1, '#ffd933']]

/** The lines on one plane; none where the point is not on it. */
export function crosshair(mm: Point, plane: Plane): Segment[] {
  const along = (step: Point): number => {
    const length = step.reduce((sum, part) => sum + part * part, 0)
    return step.reduce((sum, part, i) => sum + part * (mm[i]! - plane.corner[i]!), 0) / length
  }
  const [across, below] = [along(plane.right), along(plane.down)]
  if (!(across >= 0 && across <= plane.width && below >= 0 && below <= plane.height)) return []
  // The middle of a pixel: between two of them, a line is wider and paler.
  const [x, y] = [Math.floor(plane.left + across) + 0.5, Math.floor(plane.top + below) + 0.5]
  const [right, bottom] = [plane.left + plane.width, plane.top + plane.height]
  const lines: Segment[] = [
    [plane.left + EDGE, y, x - GAP, y],
    [x + GAP, y, right - EDGE, y],
    [x, plane.top + EDGE, x, y - GAP],
    [x, y + GAP, x, bottom - EDGE],
  ]
  return lines.filter(([x0, y0, x1, y1]) => x1 > x0 || y1 > y0)
}

/** Draws the lines on every plane. */
export function drawCrosshair(drawing: CanvasRenderingContext2D, mm: Point, planes: readonly Plane[]): void {
  drawLines(drawing, planes.flatMap((plane) => crosshair(mm, plane)), 'butt', STROKES)
}
