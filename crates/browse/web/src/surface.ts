/** The inflated cortex beside the volume, with the same colours. Like `viewer.ts`, it knows NiiVue. */

import { Niivue, NVMesh, SLICE_TYPE } from '@niivue/niivue'

import { bytes, json, ofSubject, type Subject } from './api'
import { isDrawn, type Scale, step } from './colour'
import { byId } from './dom'
import { readArrays } from './gifti'
import { Latest } from './latest'
import { isMean, isTrialMap, kindOf } from './maps'
import { absent, report } from './messages'
import type { View } from './view'

interface Surfaces {
  available: boolean
  sentence?: string | null
  command?: string | null
}

const HEMISPHERES = ['L', 'R'] as const
/** The cortex where nothing is drawn. */
const GREY = 172
/** Millimetres between the hemispheres. */
const GAP = 6

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
  private attached: Promise<unknown> | null = null
  private subject = ''
  private key = ''
  private meshes: NVMesh[] = []
  private values: Float32Array[] = []
  private scale: Scale | null = null
  private opacity = 1

  /** Forgets what was read. */
  reset(): void {
    this.asked.stop()
    this.key = this.subject = ''
  }

  /**
   * Shows what the view shows on the cortex, if its layout has a place for it; `image` is that of the
   * trial, or empty.
   */
  async show(view: View, subject: Subject, image: string): Promise<void> {
    this.frame.hidden = view.layout !== 'surface'
    const asked = this.frame.hidden ? '' : query(view, image)
    const key = `${subject.id} ${asked}`
    if (this.frame.hidden || key === this.key) return
    this.key = key
    await this.asked.run(async (signal) => {
      const canvas = byId<HTMLCanvasElement>('surface')
      this.attached ??= this.niivue.attachToCanvas(canvas, false)
      const surfaces = await json<Surfaces>(ofSubject(subject.id, '/surfaces'), signal)
      if (!surfaces.available) {
        this.note.replaceChildren(absent(surfaces.sentence ?? 'The surfaces are not on disk.', surfaces.command))
        return
      }
      this.note.textContent = 'Reading the surface ...'
      await this.attached
      if (this.subject !== subject.id) await this.load(subject.id, signal)
      this.values = asked === '' ? [] : await this.read(subject.id, asked, signal)
      this.note.textContent = asked === '' ? 'On the surface there are the maps of the subject and of trials.' : ''
      this.draw()
      this.frame.dataset['drawn'] = key
    }, (error) => {
      this.key = ''
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

  private async load(subject: string, signal: AbortSignal): Promise<void> {
    const meshes: NVMesh[] = []
    for (const hemisphere of HEMISPHERES) {
      const buffer = await bytes(ofSubject(subject, `/surfaces/${hemisphere}/inflated.gii`), signal)
      const [points, triangles] = await readArrays(buffer)
      if (!(points instanceof Float32Array) || !(triangles instanceof Int32Array)) throw new Error('the surface is no mesh')
      apart(points, hemisphere)
      const grey = new Uint8Array((points.length / 3) * 4).fill(GREY)
      meshes.push(new NVMesh(points, new Uint32Array(triangles), hemisphere, grey, 1, true, this.niivue.gl))
    }
    this.niivue.meshes = []
    for (const mesh of meshes) this.niivue.addMesh(mesh)
    this.meshes = meshes
    this.subject = subject
    // From behind and a little below, where the visual cortex is.
    this.niivue.setRenderAzimuthElevation(0, -15)
  }

  private async read(subject: string, asked: string, signal: AbortSignal): Promise<Float32Array[]> {
    return Promise.all(HEMISPHERES.map(async (hemisphere) => {
      const [values] = await readArrays(await bytes(ofSubject(subject, `/surfaces/${hemisphere}/map.gii?${asked}`), signal))
      if (!(values instanceof Float32Array)) throw new Error('the values of the surface are not float32')
      return values
    }))
  }

  private draw(): void {
    const { scale, opacity } = this
    this.meshes.forEach((mesh, at) => {
      const values = this.values[at]
      const colours = mesh.rgba255
      for (let vertex = 0; vertex < colours.length / 4; vertex++) {
        const value = values?.[vertex] ?? NaN
        const colour = scale && isDrawn(value, scale) ? scale.table[step(value, scale)]! : null
        for (let channel = 0; channel < 3; channel++) {
          colours[4 * vertex + channel] = colour ? Math.round(opacity * colour[channel]! + (1 - opacity) * GREY) : GREY
        }
        colours[4 * vertex + 3] = 255
      }
      mesh.updateMesh(this.niivue.gl)
    })
    if (this.meshes.length > 0) this.niivue.drawScene()
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

/** Moves an inflated hemisphere to its side: both lie around the origin. */
function apart(points: Float32Array, hemisphere: 'L' | 'R'): void {
  let [low, high] = [Infinity, -Infinity]
  for (let i = 0; i < points.length; i += 3) {
    low = Math.min(low, points[i]!)
    high = Math.max(high, points[i]!)
  }
  const shift = hemisphere === 'L' ? -high - GAP / 2 : -low + GAP / 2
  for (let i = 0; i < points.length; i += 3) points[i]! += shift
}
