/** The volume in NiiVue: anatomy, colours above it, and where the crosshair is. No other module but
 * `surface.ts` knows NiiVue. */

import { NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue'

import type { Point } from './affine'
import type { Painted } from './colour'
import { type Volume, write } from './nifti'
import type { Layout } from './view'

/** A plane on the canvas: where it is, and which point of space each of its pixels shows. */
export interface Plane {
  /** CSS pixels. */
  left: number
  top: number
  width: number
  height: number
  /** Millimetres of the left top corner, and of the steps of one CSS pixel. */
  corner: Point
  right: Point
  down: Point
}

const SLICES: Record<Layout, SLICE_TYPE> = {
  all: SLICE_TYPE.MULTIPLANAR,
  planes: SLICE_TYPE.MULTIPLANAR,
  surface: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
}

export class Viewer {
  private readonly niivue = new Niivue({
    backColor: [0.04, 0.05, 0.06, 1],
    crosshairColor: [1, 0.85, 0.2, 0.9],
    // In 3-D.
    crosshairWidth: 0.7,
    crosshairWidthUnit: 'mm',
    crosshairGap: 4,
    fontColor: [0.75, 0.78, 0.82, 1],
    fontMinPx: 12,
    fontSizeScaling: 0.3,
    dragAndDropEnabled: false,
    isAntiAlias: false,
    isOrientCube: false,
    loadingText: '',
    logLevel: 'error',
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    multiplanarPadPixels: 4,
    isResizeCanvas: true,
  })
  private overlay: NVImage | null = null
  private pending = false
  /** Called with the millimetres of a point that the user chose. */
  onPoint: (mm: Point) => void = () => {}
  /** Called after each picture. */
  onDrawn: () => void = () => {}

  /** Starts drawing; an error when the browser has no WebGL 2. */
  async attach(canvas: HTMLCanvasElement): Promise<void> {
    withoutKeys(this.niivue)
    await this.niivue.attachToCanvas(canvas, false)
    // After each 3-D picture NiiVue smooths all layers again.
    const smooth = this.niivue.updateInterpolation.bind(this.niivue)
    this.niivue.updateInterpolation = (layer, isForced) => (layer === 0 ? smooth(layer, isForced) : this.keepPixels())
    // On planes the page draws the crosshair, since that of NiiVue has a width in millimetres.
    const cross = this.niivue.drawCrosshairs3D.bind(this.niivue)
    this.niivue.drawCrosshairs3D = (isDepthTest, alpha, matrix, isPlane, isMm) => {
      if (isPlane !== true) cross(isDepthTest, alpha, matrix, isPlane, isMm)
    }
    const draw = this.niivue.drawScene.bind(this.niivue)
    this.niivue.drawScene = () => {
      const drawn = draw()
      this.announce()
      return drawn
    }
    this.niivue.onLocationChange = (location) => {
      const { mm } = location as { mm: ArrayLike<number> }
      this.onPoint([mm[0]!, mm[1]!, mm[2]!])
    }
  }

  /** Shows an anatomy in grey, and nothing above it; `range` is black and white. */
  async setAnatomy({ shape, affine, data }: Volume, range: readonly [number, number]): Promise<void> {
    this.removeAll()
    const image = await imageOf(write(shape, affine, data, range), 'anatomy', 1)
    this.niivue.addVolume(image)
  }

  /** Shows an empty grid, for a subject without anatomy. */
  async setEmpty(volume: Volume): Promise<void> {
    await this.setAnatomy({ ...volume, data: new Float32Array(volume.data.length) }, [0, 1])
  }

  /** Whether the browser draws without a graphics card, so that 3-D takes its time. */
  get isSoftware(): boolean {
    const { gl } = this.niivue
    const info = gl.getExtension('WEBGL_debug_renderer_info')
    const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER))
    return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer)
  }

  /** Whether there is an anatomy, or an empty grid. */
  get isReady(): boolean {
    return this.niivue.volumes.length > 0
  }

  /** Puts colours above the anatomy, in place of those before. */
  async setColours(painted: Painted, opacity: number): Promise<void> {
    const data = this.overlay?.img
    if (this.overlay && data instanceof Uint8Array && data.length === painted.data.length && this.hasAffine(painted)) {
      if (data !== painted.data) data.set(painted.data)
      this.overlay.opacity = opacity
      this.refresh()
      return
    }
    this.removeColours()
    const image = await imageOf(write(painted.shape, painted.affine, painted.data, [0, 255]), 'colours', opacity)
    this.overlay = image
    // `addVolume` would prepare the anatomy again too, which takes most of a second without a
    // graphics card.
    this.niivue.volumes = [...this.niivue.volumes, image]
    this.niivue.overlays = [image]
    this.refresh()
  }

  removeColours(): void {
    if (this.overlay) this.niivue.removeVolume(this.overlay)
    this.overlay = null
  }

  setOpacity(opacity: number): void {
    if (!this.overlay) return
    this.overlay.opacity = opacity
    this.refresh()
  }

  setLayout(layout: Layout): void {
    this.niivue.opts.multiplanarShowRender = layout === 'all' ? SHOW_RENDER.ALWAYS : SHOW_RENDER.NEVER
    this.niivue.setSliceType(SLICES[layout])
  }

  /** Moves the crosshair, without telling `onPoint`. */
  moveTo(mm: Point): void {
    if (!this.isReady) return
    this.niivue.scene.crosshairPos = this.niivue.mm2frac(mm)
    this.niivue.drawScene()
  }

  /** The millimetres of the crosshair. */
  point(): Point | null {
    if (!this.isReady) return null
    const mm = this.niivue.frac2mm(this.niivue.scene.crosshairPos, 0, true)
    return [mm[0]!, mm[1]!, mm[2]!]
  }

  /** The planes that are drawn. */
  planes(): Plane[] {
    if (!this.isReady) return []
    const ratio = this.niivue.uiData.dpr || 1
    const planes: Plane[] = []
    this.niivue.screenSlices.forEach((slice, index) => {
      if (slice.axCorSag > SLICE_TYPE.SAGITTAL || slice.AxyzMxy.length < 4) return
      const [left, top, width, height] = slice.leftTopWidthHeight as [number, number, number, number]
      const mm = (across: number, below: number): Point | null => {
        const frac = this.niivue.screenXY2TextureFrac(left + across * width, top + below * height, index, false)
        // What NiiVue answers for a pixel beside the plane.
        if (Array.from(frac).every((part) => part === -1)) return null
        const point = this.niivue.frac2mm(frac, 0, true)
        return [point[0]!, point[1]!, point[2]!]
      }
      // Well inside: by rounding, a corner may lie beside the plane.
      const [first, second, third] = [mm(0.25, 0.25), mm(0.75, 0.25), mm(0.25, 0.75)]
      if (!first || !second || !third) return
      const step = (to: Point, length: number): Point => to.map((end, i) => ((end - first[i]!) * 2 * ratio) / length) as Point
      const [right, down] = [step(second, width), step(third, height)]
      const corner = first.map((middle, i) => middle - (right[i]! * width + down[i]! * height) / (4 * ratio)) as Point
      planes.push({
        left: left / ratio,
        top: top / ratio,
        width: width / ratio,
        height: height / ratio,
        corner,
        right,
        down,
      })
    })
    return planes
  }

  /** Draws now, so that the canvas can be copied before the browser clears it. */
  drawNow(): HTMLCanvasElement | null {
    this.niivue.drawScene()
    return this.niivue.canvas
  }

  private removeAll(): void {
    this.overlay = null
    this.niivue.volumes = []
    this.niivue.overlays = []
  }

  private hasAffine(painted: Painted): boolean {
    const rows = this.overlay?.hdr?.affine.flat() ?? []
    return painted.affine.every((number, i) => Math.abs(number - (rows[i] ?? NaN)) < 1e-4)
  }

  private refresh(): void {
    // Only the colours are sent to the graphics card again, not the anatomy.
    this.niivue.refreshLayers(this.overlay!, 1)
    this.niivue.drawScene()
  }

  /** The anatomy is smoothed between voxels; a coloured voxel stays one square. */
  private keepPixels(): void {
    const { gl, overlayTexture } = this.niivue as unknown as { gl: WebGL2RenderingContext; overlayTexture: WebGLTexture | null }
    if (!overlayTexture) return
    gl.activeTexture(gl.TEXTURE2)
    gl.bindTexture(gl.TEXTURE_3D, overlayTexture)
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, gl.NEAREST)
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MAG_FILTER, gl.NEAREST)
  }

  private announce(): void {
    if (this.pending) return
    this.pending = true
    requestAnimationFrame(() => {
      this.pending = false
      this.onDrawn()
    })
  }
}

/**
 * Leaves the keys on a canvas to the page; before NiiVue is attached to it. Its own go through the frames
 * of the first volume, which a surface does not have, and open an alert.
 */
export function withoutKeys(niivue: Niivue): void {
  Object.assign(niivue, { keyDownListener: () => {}, keyUpListener: () => {} })
}

/** An image of NiiVue from the bytes of a NIfTI file. */
function imageOf(buffer: ArrayBuffer, name: string, opacity: number): Promise<NVImage> {
  return NVImage.loadFromUrl({ url: buffer, name: `${name}.nii`, colormap: 'gray', opacity })
}
