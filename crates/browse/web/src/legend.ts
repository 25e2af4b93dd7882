/** The colour bar below the brain: what the colours stand for, and what is not drawn. */

import { isDrawn, step, type Scale } from './colour'
import { context } from './dom'
import { value } from './numbers'

/** What the bar is about. */
export interface Shown {
  label: string
  unit: string
  scale: Scale
  /** Whether zeros outside the brain are not drawn. */
  isMasked: boolean
}

const HEIGHT = 46

/** Draws the colour bar into a canvas of a width in CSS pixels. */
export function drawLegend(canvas: HTMLCanvasElement, width: number, shown: Shown, ink: string): void {
  canvas.style.width = `${width}px`
  canvas.style.height = `${HEIGHT}px`
  drawBar(context(canvas, width, HEIGHT), width, shown, ink)
}

/** The same on any canvas, at its origin. */
export function drawBar(drawing: CanvasRenderingContext2D, width: number, { unit, scale }: Shown, ink: string): void {
  const [left, top, bar] = [8, 6, 14]
  const length = width - 2 * left
  const { low, high, threshold } = scale
  for (let x = 0; x < length; x++) {
    const at = low + ((x + 0.5) / length) * (high - low)
    const [r, g, b] = scale.table[step(at, scale)]!
    if (isDrawn(at, scale)) drawing.fillStyle = `rgb(${r}, ${g}, ${b})`
    else drawing.fillStyle = '#9aa4af'
    drawing.fillRect(left + x, top, 1, bar)
    // Hatched where nothing is drawn, so that white at zero is not taken for it.
    if (!isDrawn(at, scale)) {
      drawing.fillStyle = '#5c6670'
      for (let y = x % 6; y < bar; y += 6) drawing.fillRect(left + x, top + y, 1, 1.5)
    }
  }
  drawing.strokeStyle = ink
  drawing.lineWidth = 1
  drawing.strokeRect(left - 0.5, top - 0.5, length + 1, bar + 1)
  drawing.font = '12px system-ui, sans-serif'
  drawing.fillStyle = ink
  drawing.textBaseline = 'top'
  const ticks = new Map<number, string>([[low, value(low, unit)], [high, value(high, unit)]])
  if (scale.diverging) ticks.set(0, '0')
  if (threshold > 0) {
    if (threshold < high) ticks.set(threshold, value(threshold, unit))
    if (scale.diverging && -threshold > low) ticks.set(-threshold, value(-threshold, unit))
  }
  let taken: [number, number][] = []
  // The ends come first: where labels would meet, a middle one is left out.
  const inOrder = [...ticks].sort(([a], [b]) => Number(b === low || b === high) - Number(a === low || a === high))
  for (const [at, text] of inOrder) {
    const x = left + ((at - low) / (high - low)) * length
    const wide = drawing.measureText(text).width
    const start = Math.min(Math.max(x - wide / 2, left - 4), left + length + 4 - wide)
    drawing.fillRect(Math.round(x) - 0.5, top + bar, 1, 4)
    if (taken.some(([from, to]) => start < to + 6 && start + wide > from - 6)) continue
    drawing.fillText(text, start, top + bar + 6)
    taken = [...taken, [start, start + wide]]
  }
}

/** What the colours do not show, in words. */
export function legendNote({ scale, unit, isMasked }: Shown): string {
  const beyond = `values beyond the ends have the colours of the ends`
  if (!(scale.threshold > 0)) {
    if (isMasked) return `Transparent: no value (NaN), and zero outside the brain. Zero inside has its colour; ${beyond}.`
    return `Transparent: no value (NaN). Zero has its colour; ${beyond}.`
  }
  const size = value(scale.threshold, unit)
  const hidden = scale.diverging ? `between −${size} and ${size}` : `below ${size}`
  return `Transparent: values ${hidden}, and no value (NaN); ${beyond}.`
}
