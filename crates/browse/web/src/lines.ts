/** Lines that are drawn over the planes of the viewer. */

/** A line on the canvas, in CSS pixels. */
export type Segment = [x0: number, y0: number, x1: number, y1: number]

/** How wide lines are, in CSS pixels, and their colour. */
export type Stroke = readonly [width: number, colour: string]

/** Draws lines with several strokes, the lowest first: dark below light is seen on every colour. */
export function drawLines(
  drawing: CanvasRenderingContext2D,
  segments: readonly Segment[],
  cap: CanvasLineCap,
  strokes: readonly Stroke[],
): void {
  drawing.beginPath()
  for (const [x0, y0, x1, y1] of segments) {
    drawing.moveTo(x0, y0)
    drawing.lineTo(x1, y1)
  }
  drawing.lineCap = cap
  for (const [width, colour] of strokes) {
    drawing.lineWidth = width
    drawing.strokeStyle = colour
    drawing.stroke()
  }
}
