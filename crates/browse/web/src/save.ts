/** Files that the user saves: the view as a picture, and the map as NIfTI. */

import { h } from './dom'
import { drawBar, type Shown } from './legend'
import { write, type Volume } from './nifti'

/** Offers bytes as a file of this name. */
function offer(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const link = h('a', { attrs: { href: address, download: name } })
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

/** A name for a file: letters, digits, hyphens and underscores. */
export function fileName(parts: readonly string[], ending: string): string {
  const clean = parts.map((part) => part.replace(/[^A-Za-z0-9-]+/g, '-').replace(/^-+|-+$/g, '')).filter((part) => part !== '')
  return `${clean.join('_').slice(0, 120)}${ending}`
}

/** Saves a volume as float32 NIfTI. */
export function saveMap(volume: Volume, name: string): void {
  offer(new Blob([write(volume.shape, volume.affine, volume.data)], { type: 'application/octet-stream' }), name)
}

/** The surface, and its letters at parts of its width and height. */
export interface SurfacePicture {
  canvas: HTMLCanvasElement
  letters: readonly { text: string; x: number; y: number }[]
}

export interface Picture {
  brain: HTMLCanvasElement
  outlines: HTMLCanvasElement
  /** Null when none is shown. */
  surface: SurfacePicture | null
  title: string
  shown: Shown
  note: string
  /** The stimulus with its notice, only when the user asked for it. */
  stimulus: { image: HTMLImageElement; notice: string } | null
}

interface Size {
  width: number
  height: number
}

/**
 * Where the parts of a picture stand: the title above, slices and surface side by side, and the colour bar
 * and the stimulus below them. `scale` is how many pixels a CSS pixel has.
 */
export function arranged(brain: Size, surface: Size | null, scale: number, hasStimulus: boolean): Size & { top: number; left: number; bottom: number } {
  const [head, foot] = [34 * scale, (hasStimulus ? 66 + 190 : 66) * scale]
  const bottom = head + Math.max(brain.height, surface?.height ?? 0)
  return { width: brain.width + (surface?.width ?? 0), height: Math.round(bottom + foot), top: head, left: brain.width, bottom }
}

/** Saves what the viewer shows, with title and colour bar. */
export async function savePicture(picture: Picture, name: string): Promise<void> {
  const { brain, outlines, surface, stimulus } = picture
  const scale = Math.max(1, brain.width / Math.max(1, brain.clientWidth))
  const { width, height, top, left, bottom } = arranged(brain, surface?.canvas ?? null, scale, stimulus !== null)
  const canvas = h('canvas')
  canvas.width = width
  canvas.height = height
  const drawing = canvas.getContext('2d')
  if (!drawing) throw new Error('the browser gives no 2-D drawing context')
  drawing.fillStyle = '#ffffff'
  drawing.fillRect(0, 0, canvas.width, canvas.height)
  drawing.drawImage(brain, 0, top)
  drawing.drawImage(outlines, 0, top, brain.width, brain.height)
  if (surface) drawSurface(drawing, surface, left, top, scale)
  drawing.scale(scale, scale)
  drawing.fillStyle = '#1b232c'
  drawing.textBaseline = 'middle'
  drawing.font = '600 14px system-ui, sans-serif'
  drawing.fillText(picture.title, 10, 17, width / scale - 20)
  drawing.translate(0, bottom / scale + 4)
  drawBar(drawing, width / scale, picture.shown, '#1b232c')
  drawing.font = '11px system-ui, sans-serif'
  drawing.fillText(picture.note, 8, 48, width / scale - 16)
  if (stimulus) {
    const { image, notice } = stimulus
    const size = Math.min(150 / image.naturalHeight, 300 / image.naturalWidth)
    drawing.drawImage(image, 10, 66, image.naturalWidth * size, image.naturalHeight * size)
    drawing.fillText(notice, 10, 224, width / scale - 20)
  }
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  if (!blob) throw new Error('the browser could not make a PNG')
  offer(blob, name)
}

function drawSurface(drawing: CanvasRenderingContext2D, { canvas, letters }: SurfacePicture, left: number, top: number, scale: number): void {
  drawing.drawImage(canvas, left, top)
  drawing.font = `600 ${13 * scale}px system-ui, sans-serif`
  drawing.fillStyle = '#d7dde4'
  drawing.textAlign = 'center'
  drawing.textBaseline = 'middle'
  for (const { text, x, y } of letters) drawing.fillText(text, left + x * canvas.width, top + y * canvas.height)
  drawing.textAlign = 'start'
}
