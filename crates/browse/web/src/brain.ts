/** The middle of the page: anatomy, a map above it, ROI outlines and crosshair, and the colour bar. */

import { ask, bytes, type Ijk, ofSubject, Refusal, type Rgb } from './api'
import { type Point, transform } from './affine'
import { blank, greyRange, paint, type Painted, type Scale, tableFor, usualSize } from './colour'
import { drawCrosshair } from './crosshair'
import { byId, context } from './dom'
import { Latest } from './latest'
import { drawLegend, legendNote, type Shown } from './legend'
import type { Source } from './maps'
import { report, say } from './messages'
import { at, read, type Volume } from './nifti'
import { value } from './numbers'
import { drawOutlines } from './outline'
import { gridNote, type OwnMap, withoutOutside } from './own'
import { follow } from './reading'
import type { View } from './view'
import { Viewer } from './viewer'

export class Brain {
  private readonly viewer = new Viewer()
  private readonly outlines = byId<HTMLCanvasElement>('outlines')
  private readonly askedMap = new Latest()
  private readonly askedRoi = new Latest()
  private attached: Promise<boolean> | null = null
  private ready: Promise<void> = Promise.resolve()
  private source: Source | null = null
  private volume: Volume | null = null
  /** The volume as it is drawn: of a map of the user's own, without zeros outside the brain. */
  private visible: Volume | null = null
  private painted: Painted | null = null
  private roi: Volume | null = null
  private title = ''
  private usual = 1
  /** The grid of the subject's betas and maps. */
  private grid: Volume | null = null
  private settled = ''
  /** How often a point was chosen, and whether the pointer is down on the brain. */
  private chosen = 0
  private isPressed = false
  private unfollow: () => void = () => {}
  scale: Scale | null = null
  /** Called with a voxel of the subject's grid that was chosen. */
  onVoxel: (ijk: Ijk) => void = () => {}
  /** Called when the browser draws without a graphics card. */
  onSlow: () => void = () => {}
  /** Called when the ends of the colour bar may have changed. */
  onScale: (scale: Scale) => void = () => {}

  constructor(private readonly tables: Record<string, Rgb[]>) {
    this.viewer.onPoint = (mm) => this.choose(mm)
    this.viewer.onDrawn = () => this.drawn()
    byId('brain').addEventListener('pointerdown', () => (this.isPressed = true))
    for (const over of ['pointerup', 'pointercancel'] as const) window.addEventListener(over, () => (this.isPressed = false))
    new ResizeObserver(() => this.drawLegend()).observe(byId('legend-part'))
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.drawLegend())
  }

  /** Whether the viewer can draw; it is started when this is first asked. */
  private attach(): Promise<boolean> {
    this.attached ??= this.start()
    return this.attached
  }

  private async start(): Promise<boolean> {
    // Starting keeps the browser busy; what has been asked for arrives meanwhile.
    await new Promise((resolve) => setTimeout(resolve))
    try {
      await this.viewer.attach(byId<HTMLCanvasElement>('brain'))
    } catch (error) {
      console.warn(error)
      say('This browser gives the page no WebGL 2, so the brain cannot be drawn. Trials, images and voxels can still be read.', null, 'error')
      return false
    }
    if (this.viewer.isSoftware) this.onSlow()
    return true
  }

  /** Starts with another subject: nothing of the one before is left. */
  reset(): void {
    this.askedMap.stop()
    this.askedRoi.stop()
    this.grid = this.volume = this.visible = this.painted = this.roi = this.source = null
    this.scale = null
  }

  /** Shows an anatomy of the subject; without one an empty grid, once a map is there. */
  setAnatomy(subject: string, id: string): void {
    const load = async (): Promise<void> => {
      try {
        const asked = id === '' ? null : bytes(ofSubject(subject, `/anatomy/${encodeURIComponent(id)}.nii`))
        // It is waited for below; until then an error is not lost, only late.
        asked?.catch(() => {})
        const draws = await this.attach()
        const volume = asked ? await read(await asked) : null
        if (volume && draws) await this.viewer.setAnatomy(volume, greyRange(volume.data))
      } catch (error) {
        report(error)
      }
    }
    this.ready = load()
  }

  /** Puts the colours above a new anatomy. */
  async putBack(view: View): Promise<void> {
    await this.ready
    if (this.painted) await this.viewer.setColours(this.painted, view.opacity)
  }

  /** Shows a map from the server. */
  setMap(source: Source, view: View): Promise<void> {
    return this.load(source, view, async (signal) => {
      const buffer = await bytes(source.path, signal)
      performance.mark('map-bytes')
      const volume = await read(buffer)
      return { volume, visible: volume }
    })
  }

  /** Shows a map of the user's own. */
  setFile({ name, key, volume }: OwnMap, view: View): Promise<void> {
    // A map without negative values is not drawn around zero.
    const source: Source = { key, path: '', what: name, unit: '', diverging: volume.data.some((number) => number < 0), isOfBetas: false }
    return this.load(source, view, async (signal) => {
      const brain = await this.brainMask(view.subject, signal)
      this.grid ??= brain
      const note = this.grid && gridNote(name, volume, this.grid)
      if (note) {
        source.what = `${name} (not on the grid of the betas)`
        say(note)
      }
      return { volume, visible: brain ? withoutOutside(volume, brain) : volume }
    })
  }

  /** The brain mask of a subject; null if it is not on disk. */
  private async brainMask(subject: string, signal: AbortSignal): Promise<Volume | null> {
    try {
      return await read(await bytes(ofSubject(subject, '/anatomy/mask.nii'), signal))
    } catch (error) {
      if (error instanceof Refusal) return null
      throw error
    }
  }

  private async load(source: Source, view: View, get: (signal: AbortSignal) => Promise<{ volume: Volume; visible: Volume }>): Promise<void> {
    performance.mark('map-asked')
    const busy = byId('busy')
    busy.textContent = 'Reading ...'
    this.unfollow()
    const unfollow = source.isOfBetas ? follow(view.subject, (text) => (busy.textContent = text)) : () => {}
    this.unfollow = unfollow
    await this.askedMap.run(async (signal) => {
      const { volume, visible } = await get(signal)
      unfollow()
      await this.ready
      if (signal.aborted) return
      this.source = source
      this.volume = volume
      this.visible = visible
      if (source.path !== '') this.grid = volume
      if (!(await this.attach())) {
        busy.textContent = ''
        return
      }
      if (!this.viewer.isReady) await this.viewer.setEmpty(volume)
      this.usual = usualSize(visible.data)
      const isSame = this.painted && this.painted.shape.every((length, i) => length === volume.shape[i]! + 2)
      this.painted = blank(volume, isSame ? this.painted!.data : undefined)
      await this.repaint(view)
      if (view.voxel) this.moveTo(view.voxel)
      this.settled = source.key
      // The picture may have been drawn before it was known as this one.
      requestAnimationFrame(() => this.drawn())
      busy.textContent = ''
    }, (error) => {
      // What was shown before is not what was asked for.
      void this.clearMap(`${view.subject}: ${source.what} cannot be shown.`)
      report(error)
    })
  }

  /** Shows no map, and says why. */
  async clearMap(sentence: string): Promise<void> {
    this.askedMap.stop()
    this.unfollow()
    this.volume = this.visible = this.painted = this.source = null
    this.scale = null
    this.viewer.removeColours()
    this.settled = 'nothing'
    byId('title').textContent = sentence
    requestAnimationFrame(() => this.drawn())
    byId('busy').textContent = ''
    this.drawLegend()
    this.drawReadout()
  }

  /** Draws the map again with the threshold, range and opacity of the view. */
  async repaint(view: View): Promise<void> {
    const { visible, painted, source } = this
    if (!visible || !painted || !source) return
    const end = view.range ?? this.usual
    this.scale = {
      table: tableFor(source.diverging, this.tables),
      diverging: source.diverging,
      low: source.diverging ? -end : 0,
      high: end,
      threshold: view.threshold,
    }
    paint(visible, this.scale, painted)
    await this.viewer.setColours(painted, view.opacity)
    this.title = `${view.subject}: ${source.what}`
    byId('title').textContent = this.title
    byId('brain').setAttribute('aria-label', `Slices of the brain, ${this.title}`)
    this.onScale(this.scale)
    this.drawLegend()
    this.drawReadout()
  }

  setOpacity(opacity: number): void {
    this.viewer.setOpacity(opacity)
  }

  async setLayout(view: View): Promise<void> {
    if (await this.attach()) this.viewer.setLayout(view.layout)
  }

  /**
   * Outlines an ROI expression; `state` is told how many voxels it has, or what is wrong.
   *
   * With `visit`, the crosshair goes there, unless it is inside already, or a point is chosen later.
   * Who leaves the field of the ROI by a click in the brain has chosen that point.
   */
  async setRoi(subject: string, expression: string, visit: boolean, state: (text: string, isError: boolean) => void): Promise<void> {
    if (expression === '') {
      this.askedRoi.stop()
      this.roi = null
      state('', false)
      this.redraw()
      return
    }
    const before = this.isPressed ? -1 : this.chosen
    await this.askedRoi.run(async (signal) => {
      const answer = await ask(ofSubject(subject, `/roi.nii?${new URLSearchParams({ q: expression })}`), signal)
      const roi = await read(await answer.arrayBuffer())
      this.roi = roi
      const voxels = Number(answer.headers.get('x-voxels') ?? roi.data.reduce((sum, inside) => sum + inside, 0))
      state(`${voxels.toLocaleString('en')} voxels`, false)
      this.redraw()
      const mm = this.viewer.point()
      const middle = visit && before === this.chosen && mm && !at(roi, transform(roi.toVoxel, mm).map(Math.round) as Ijk) ? middleOf(roi) : null
      if (middle) this.choose(transform(roi.affine, middle), true)
    }, (error) => {
      this.roi = null
      state(error instanceof Error ? error.message : String(error), true)
      this.redraw()
    })
  }

  /** Moves the crosshair to a voxel of the subject's grid. */
  moveTo(ijk: Ijk): void {
    if (this.grid && this.viewer.isReady) this.viewer.moveTo(transform(this.grid.affine, ijk))
    this.drawReadout()
  }

  /** The voxel this many further from the crosshair, if it is on the grid. Steps are in RAS directions. */
  beside(step: readonly [number, number, number]): Ijk | null {
    const mm = this.viewer.point()
    if (!mm || !this.grid) return null
    const { affine, shape } = this.grid
    const here = transform(this.grid.toVoxel, mm).map(Math.round) as Ijk
    const next = here.map((index, axis) => {
      // The axis of space that this axis of the grid lies along, and its direction.
      const column = [affine[axis]!, affine[4 + axis]!, affine[8 + axis]!]
      const along = column.map(Math.abs).indexOf(Math.max(...column.map(Math.abs)))
      return index + step[along]! * Math.sign(column[along]!)
    }) as Ijk
    return next.every((index, axis) => index >= 0 && index < shape[axis]!) ? next : null
  }

  /** What a saved picture is made of. */
  picture(): { brain: HTMLCanvasElement; outlines: HTMLCanvasElement; title: string; shown: Shown; note: string } | null {
    const brain = this.viewer.isReady ? this.viewer.drawNow() : null
    const shown = this.shown()
    if (!brain || !shown) return null
    this.drawOutlines()
    return { brain, outlines: this.outlines, title: this.title, shown, note: legendNote(shown) }
  }

  /** The map that is shown. */
  map(): Volume | null {
    return this.volume
  }

  private shown(): Shown | null {
    const { source, scale } = this
    return source && scale ? { label: source.what, unit: source.unit, scale, isMasked: this.visible !== this.volume } : null
  }

  private redraw(): void {
    if (this.viewer.isReady) this.viewer.drawNow()
  }

  private choose(mm: Point, move = false): void {
    const { grid } = this
    if (!grid) return
    this.chosen++
    if (move) this.viewer.moveTo(mm)
    const ijk = transform(grid.toVoxel, mm).map(Math.round) as Ijk
    this.drawReadout()
    if (ijk.every((index, axis) => index >= 0 && index < grid.shape[axis]!)) this.onVoxel(ijk)
  }

  private drawReadout(): void {
    const mm = this.viewer.point()
    const { volume, visible, source, grid } = this
    if (!mm || !grid) return
    const ijk = transform(grid.toVoxel, mm).map(Math.round)
    const here = (map: Volume): number | undefined => at(map, transform(map.toVoxel, mm).map(Math.round) as Ijk)
    const text = volume && visible ? readout(here(volume), here(visible), source?.unit) : 'no map'
    byId('readout').textContent = `voxel ${ijk.join(', ')}   ·   mm ${mm.map((x) => value(Number(x.toFixed(1)))).join(', ')}   ·   ${text}`
  }

  private drawLegend(): void {
    const part = byId('legend-part')
    const shown = this.shown()
    part.hidden = !shown
    if (!shown) return
    const colour = getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()
    drawLegend(byId<HTMLCanvasElement>('legend'), part.clientWidth - 16, shown, colour)
    byId('legend').setAttribute('aria-label', `Colour bar of ${shown.label}, from ${value(shown.scale.low, shown.unit)} to ${value(shown.scale.high, shown.unit)}`)
    byId('legend-note').textContent = legendNote(shown)
  }

  private drawOutlines(): void {
    const drawing = context(this.outlines, this.outlines.clientWidth, this.outlines.clientHeight)
    const [planes, mm] = [this.viewer.planes(), this.viewer.point()]
    if (this.roi) drawOutlines(drawing, this.roi, planes)
    if (mm) drawCrosshair(drawing, mm, planes)
  }

  private drawn(): void {
    this.drawOutlines()
    if (this.settled === '') return
    // What the canvas shows now, for whoever waits for it.
    byId('screen').dataset['drawn'] = this.settled
    performance.mark('drawn')
  }
}

/** A value in words; `visible` is what is drawn of it. */
function readout(number: number | undefined, visible: number | undefined, unit?: string): string {
  if (number === undefined) return 'outside the map'
  if (number !== 0) return value(number, unit)
  return Number.isNaN(visible) ? '0, outside the brain' : '0 (a value)'
}

/** The voxel of a mask that is nearest to its centre; null for an empty one. */
function middleOf({ shape, data }: Volume): Ijk | null {
  const inside: Ijk[] = []
  const sum = [0, 0, 0]
  for (let index = 0; index < data.length; index++) {
    if (!(data[index]! > 0)) continue
    const i = index % shape[0]
    const j = Math.floor(index / shape[0]) % shape[1]
    const k = Math.floor(index / (shape[0] * shape[1]))
    inside.push([i, j, k])
    sum[0]! += i
    sum[1]! += j
    sum[2]! += k
  }
  const centre = sum.map((total) => total / inside.length)
  let [best, nearest]: [Ijk | null, number] = [null, Infinity]
  for (const voxel of inside) {
    const distance = voxel.reduce((far, index, axis) => far + (index - centre[axis]!) ** 2, 0)
    if (distance < nearest) [best, nearest] = [voxel, distance]
  }
  return best
}
