/** The inflated cortex beside the volume, with the same colours. Like `viewer.ts`, it knows NiiVue. */

import { Niivue, NVMesh, SLICE_TYPE } from '@niivue/niivue'

import type { Point } from './affine'
import { bytes, json, ofSubject, Refusal, type Subject } from './api'
import type { Scale } from './colour'
import { byId, h } from './dom'
import { readArrays } from './gifti'
import { Latest } from './latest'
import { FIRST, type Look, turned } from './look'
import { isMean, isTrialMap, kindOf } from './maps'
import { absent, report } from './messages'
import type { SurfacePicture } from './save'
import { borderOf, paintVertices } from './vertices'
import type { View } from './view'
import { withoutKeys } from './viewer'

interface Surfaces {
  available: boolean
  sentence?: string | null
  command?: string | null
}

const HEMISPHERES = ['L', 'R'] as const
/** Millimetres between the hemispheres. */
const GAP = 6
/** Millimetres from the top of a hemisphere to its letter. */
const ABOVE = 10
/** The bare cortex is lit; a colour that stands for a value is that of the colour bar. */
const UNLIT_VALUES = `#version 300 es
precision highp float;
uniform float opacity;
in vec4 vClr;
in vec3 vN;
out vec4 color;
void main() {
  float lit = 0.3 + 0.7 * abs(normalize(vN).z);
  color = vec4(vClr.rgb * mix(lit, 1.0, vClr.a), opacity);
}`

export class Surface {
  private readonly niivue = new Niivue({
    backColor: [0.04, 0.05, 0.06, 1],
    fontColor: [0.75, 0.78, 0.82, 1],
    dragAndDropEnabled: false,
    isAntiAlias: false,
    loadingText: '',
    logLevel: 'error',
    show3Dcrosshair: false,
    sliceType: SLICE_TYPE.RENDER,
  })
  private readonly frame = byId('surface-frame')
  private readonly note = byId('surface-note')
  private readonly asked = new Latest()
  private readonly letters = HEMISPHERES.map((text) => h('span', { class: 'side', text, attrs: { 'aria-hidden': 'true' } }))
  private attached: Promise<void> | null = null
  private shader = 0
  private subject = ''
  private key = ''
  /** What is asked for the values, and for the ROI, that are there. */
  private read = { values: '', roi: '' }
  private meshes: NVMesh[] = []
  private triangles: Int32Array[] = []
  /** Where the letters are, in millimetres. */
  private tops: Point[] = []
  /** Where they are on the canvas, in parts of its width and height. */
  private places: { x: number; y: number }[] = []
  private values: Float32Array[] = []
  private borders: Set<number>[] = []
  private scale: Scale | null = null
  private opacity = 1

  constructor() {
    const canvas = byId('surface')
    canvas.addEventListener('keydown', (event) => this.onKey(event))
    // NiiVue keeps a click from giving the focus.
    canvas.addEventListener('pointerdown', () => canvas.focus({ preventScroll: true }))
  }

  /** Forgets what was read. */
  reset(): void {
    this.asked.stop()
    this.key = this.subject = ''
    this.read = { values: '', roi: '' }
    this.values = []
    this.borders = []
    delete this.frame.dataset['drawn']
  }

  /**
   * Shows what the view shows on the cortex, and its ROI, if its layout has a place for it; `image` is
   * that of the trial, or empty.
   */
  async show(view: View, subject: Subject, image: string): Promise<void> {
    const wasHidden = this.frame.hidden
    this.frame.hidden = view.layout !== 'surface'
    const asked = this.frame.hidden ? '' : query(view, image)
    const roi = view.roi === '' ? '' : String(new URLSearchParams({ roi: view.roi }))
    const key = `${subject.id} ${asked} ${roi}`
    if (this.frame.hidden) return
    if (key === this.key) {
      // The scale may have changed meanwhile.
      if (wasHidden) this.draw()
      return
    }
    this.key = key
    await this.asked.run(async (signal) => {
      this.attached ??= this.attach()
      const surfaces = await json<Surfaces>(ofSubject(subject.id, '/surfaces'), signal)
      if (!surfaces.available) {
        this.note.replaceChildren(absent(surfaces.sentence ?? 'The surfaces are not on disk.', surfaces.command))
        return
      }
      this.note.textContent = 'Reading the surface ...'
      await this.attached
      if (this.subject !== subject.id) await this.load(subject.id, signal)
      const values = this.read.values === asked ? this.values : asked === '' ? [] : await this.onVertices(subject.id, asked, signal)
      const borders = this.read.roi === roi ? this.borders : roi === '' ? [] : await this.bordersOf(subject.id, roi, signal)
      // What was asked for later is not replaced by what came meanwhile.
      signal.throwIfAborted()
      this.values = values
      this.borders = borders
      this.read = { values: asked, roi }
      this.note.textContent = asked === '' ? 'On the surface there are the maps of the subject and of trials.' : ''
      this.draw()
      this.frame.dataset['drawn'] = key
    }, (error) => {
      this.key = ''
      this.read = { values: '', roi: '' }
      // What was shown before is not what was asked for.
      this.values = []
      this.borders = []
      this.draw()
      this.note.textContent = ''
      report(error)
    })
  }

  /** Draws with this scale from now on. */
  setScale(scale: Scale, opacity: number): void {
    this.scale = scale
    this.opacity = opacity
    if (!this.frame.hidden) this.draw()
  }

  /** What a saved picture has of the surface, drawn now; null when none is shown, or not yet. */
  picture(): SurfacePicture | null {
    if (this.frame.hidden || this.key === '' || this.frame.dataset['drawn'] !== this.key) return null
    this.niivue.drawScene()
    const { canvas } = this.niivue
    return canvas && { canvas, letters: this.places.map((place, at) => ({ text: HEMISPHERES[at]!, ...place })) }
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') byId('surface').blur()
    if (this.meshes.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return
    // Shift and an arrow move the crosshair, here too.
    if (event.shiftKey && event.key.startsWith('Arrow')) return
    const { renderAzimuth, renderElevation, volScaleMultiplier } = this.niivue.scene
    const look = turned({ azimuth: renderAzimuth, elevation: renderElevation, zoom: volScaleMultiplier }, event.key)
    if (!look) return
    event.preventDefault()
    this.lookFrom(look)
  }

  private lookFrom({ azimuth, elevation, zoom }: Look): void {
    this.niivue.scene.volScaleMultiplier = zoom
    this.niivue.setRenderAzimuthElevation(azimuth, elevation)
  }

  private async attach(): Promise<void> {
    withoutKeys(this.niivue)
    await this.niivue.attachToCanvas(byId<HTMLCanvasElement>('surface'), false)
    this.shader = this.niivue.setCustomMeshShader(UNLIT_VALUES, 'Unlit values')
    this.frame.append(...this.letters)
    const draw = this.niivue.drawScene.bind(this.niivue)
    this.niivue.drawScene = () => {
      const drawn = draw()
      this.placeLetters()
      return drawn
    }
  }

  private async load(subject: string, signal: AbortSignal): Promise<void> {
    const meshes: NVMesh[] = []
    const all: Int32Array[] = []
    const tops: Point[] = []
    for (const hemisphere of HEMISPHERES) {
      const buffer = await bytes(ofSubject(subject, `/surfaces/${hemisphere}/inflated.gii`), signal)
      const [points, triangles] = await readArrays(buffer)
      signal.throwIfAborted()
      if (!(points instanceof Float32Array) || !(triangles instanceof Int32Array)) throw new Error('the surface is no mesh')
      tops.push(apart(points, hemisphere))
      all.push(triangles)
      const bare = new Uint8Array((points.length / 3) * 4)
      paintVertices(bare, undefined, new Set(), null, 1)
      const mesh = new NVMesh(points, new Uint32Array(triangles), hemisphere, bare, 1, true, this.niivue.gl)
      mesh.meshShaderIndex = this.shader
      meshes.push(mesh)
    }
    this.niivue.meshes = []
    for (const mesh of meshes) this.niivue.addMesh(mesh)
    this.meshes = meshes
    this.triangles = all
    this.tops = tops
    this.subject = subject
    this.lookFrom(FIRST)
  }

  private async onVertices(subject: string, asked: string, signal: AbortSignal): Promise<Float32Array[]> {
    return Promise.all(HEMISPHERES.map(async (hemisphere) => {
      const [values] = await readArrays(await bytes(ofSubject(subject, `/surfaces/${hemisphere}/map.gii?${asked}`), signal))
      if (!(values instanceof Float32Array)) throw new Error('the values of the surface are not float32')
      return values
    }))
  }

  /** The border of an ROI: of the vertices that lie in it by at least a half. */
  private async bordersOf(subject: string, asked: string, signal: AbortSignal): Promise<Set<number>[]> {
    try {
      const parts = await this.onVertices(subject, asked, signal)
      return parts.map((part, at) => borderOf((vertex) => part[vertex]! >= 0.5, this.triangles[at]!))
    } catch (error) {
      // The field of the ROI says what is wrong with it.
      if (error instanceof Refusal) return []
      throw error
    }
  }

  private draw(): void {
    this.meshes.forEach((mesh, at) => {
      paintVertices(mesh.rgba255, this.values[at], this.borders[at] ?? new Set(), this.scale, this.opacity)
      mesh.updateMesh(this.niivue.gl)
    })
    if (this.meshes.length > 0) this.niivue.drawScene()
  }

  /** L and R stand above their hemispheres, from wherever one looks. */
  private placeLetters(): void {
    const { scene } = this.niivue
    const [matrix] = this.niivue.calculateMvpMatrix(null, [0, 0, 0, 0], scene.renderAzimuth, scene.renderElevation)
    if (!matrix) return
    this.places = this.tops.map((top) => {
      const row = (i: number): number => matrix[i]! * top[0] + matrix[4 + i]! * top[1] + matrix[8 + i]! * top[2] + matrix[12 + i]!
      const within = (part: number): number => Math.min(Math.max(0.5 + 0.5 * part, 0.03), 0.97)
      return { x: within(row(0) / row(3)), y: within(-row(1) / row(3)) }
    })
    this.places.forEach(({ x, y }, at) => {
      const { style } = this.letters[at]!
      style.left = `${(100 * x).toFixed(2)}%`
      style.top = `${(100 * y).toFixed(2)}%`
    })
  }
}

/** What the server is asked for; empty for what it does not put on surfaces. */
function query(view: View, image: string): string {
  if (view.show.startsWith('map:')) return String(new URLSearchParams({ map: view.show.slice(4) }))
  if (!isTrialMap(view.show) || view.trial < 0) return ''
  const kind = kindOf(view.show)
  if (isMean(view.show)) return image === '' ? '' : String(new URLSearchParams({ image, kind }))
  return String(new URLSearchParams({ session: view.session, trial: String(view.trial), kind }))
}

/** Moves an inflated hemisphere to its side, for both lie around the origin; the place of its letter. */
function apart(points: Float32Array, hemisphere: 'L' | 'R'): Point {
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]]
  for (let i = 0; i < points.length; i++) {
    low[i % 3] = Math.min(low[i % 3]!, points[i]!)
    high[i % 3] = Math.max(high[i % 3]!, points[i]!)
  }
  const shift = hemisphere === 'L' ? -high[0]! - GAP / 2 : -low[0]! + GAP / 2
  for (let i = 0; i < points.length; i += 3) points[i]! += shift
  const middle = (axis: number): number => (low[axis]! + high[axis]!) / 2
  return [middle(0) + shift, middle(1), high[2]! + ABOVE]
}
