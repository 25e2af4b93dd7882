/** The panel of an image: pixels with object masks, captions, who saw it, and images like it. */

import { type ImageInfo, json, type Near, ofImage, pixels, type Subject } from './api'
import { byId, fill, h } from './dom'
import { Latest } from './latest'
import { absent, report } from './messages'
import { Seen } from './seen'
import type { Trials } from './trials'

/** Colours that can be told apart with any colour vision. */
const MASK_COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#d55e00', '#cc79a7'] as const

export class StimulusPanel {
  private readonly element = byId('stimulus')
  private readonly asked = new Latest()
  private readonly askedNear = new Latest()
  /** The image in every subject that saw it. */
  readonly seen = new Seen()
  private shown = ''
  private model = ''
  private info: ImageInfo | null = null
  /** Called with an image of this subject that was chosen. */
  onImage: (name: string) => void = () => {}

  /** What is known of the image that is shown. */
  get image(): ImageInfo | null {
    return this.info
  }

  /** The pixels that are shown, if there are any. */
  get picture(): HTMLImageElement | null {
    const found = this.element.querySelector<HTMLImageElement>('.picture img.pixels')
    return found?.complete && found.naturalWidth > 0 ? found : null
  }

  /** Shows no image. */
  clear(sentence: string): void {
    this.asked.stop()
    this.askedNear.stop()
    this.seen.clear()
    this.shown = ''
    this.info = null
    this.element.replaceChildren(h('h2', { text: 'Image' }), h('p', { class: 'quiet', text: sentence }))
  }

  /** Shows an image. */
  async show(name: string, subject: Subject, trials: Trials, row: number): Promise<void> {
    const key = `${subject.id} ${name} ${row}`
    if (key === this.shown) return
    this.shown = key
    if (this.info?.name !== name) this.info = null
    await this.asked.run(async (signal) => {
      const info = await json<ImageInfo>(ofImage(name), signal)
      this.info = info
      this.draw(info, subject, trials, row)
    }, (error) => {
      this.clear('This image cannot be shown.')
      report(error)
    })
  }

  private draw(info: ImageInfo, subject: Subject, trials: Trials, row: number): void {
    const meta = [info.noun, info.dataset, info.shared ? 'shared' : 'unique'].filter((part) => part !== null && part !== '')
    this.element.replaceChildren(h('div', {},
      h('h2', { text: 'Image' }),
      info.pixels ? null : absent(info.sentence ?? 'The images are not on disk.', info.command ?? subject.stimuli.command),
      h(
        'div',
        { class: 'image-line' },
        info.pixels && this.picturePart(info),
        h(
          'div',
          { class: 'words' },
          h('p', { class: 'quiet', text: meta.join(' · ') }),
          ...info.captions.map((text) => h('p', { class: 'caption', text })),
          h('p', { class: 'name quiet', text: info.name }),
        ),
      ),
      info.pixels && h('p', { class: 'notice', text: info.notice }),
      this.seen.part(info, subject, trials, row),
      this.nearPart(info, subject, trials),
    ))
  }

  private picturePart(info: ImageInfo): HTMLElement {
    const frame = h('div', { class: 'picture' })
    const image = h('img', { class: 'pixels', attrs: { src: pixels(info.name), alt: info.captions[0] ?? info.noun ?? info.name } })
    image.addEventListener('error', () => frame.replaceChildren(h('p', { text: 'The pixels of this image cannot be read.' })))
    frame.append(image)
    const switches = (info.masks_absent ? [] : info.masks).map((mask, at) => {
      const picture = h('div', { class: 'mask', attrs: { role: 'img', 'aria-label': `Object mask: ${mask.label}`, hidden: true } })
      const colour = MASK_COLOURS[at % MASK_COLOURS.length]!
      picture.style.backgroundColor = colour
      frame.append(picture)
      const box = h('input', { attrs: { type: 'checkbox' } })
      box.addEventListener('change', () => {
        const address = `url("/api${ofImage(info.name, `/masks/${mask.index}.png`)}")`
        picture.style.maskImage = address
        picture.hidden = !box.checked
      })
      const swatch = h('span', { class: 'swatch' })
      swatch.style.backgroundColor = colour
      return h('label', { class: 'mask-switch' }, box, swatch, mask.label)
    })
    return h(
      'div',
      { class: 'picture-part' },
      frame,
      switches.length > 0 && h('fieldset', { class: 'masks' }, h('legend', { text: 'Object masks' }), ...switches),
      info.masks_absent && absent(info.masks_absent.what, info.masks_absent.command),
    )
  }

  private nearPart(info: ImageInfo, subject: Subject, trials: Trials): HTMLElement {
    const part = h('div', { class: 'near' }, h('h3', { text: 'Images like it' }))
    const models = subject.stimuli.embeddings
    if (models.length === 0) {
      const missing = subject.stimuli.embeddings_absent
      part.append(absent(missing?.what ?? 'The embeddings of the images are not on disk.', missing?.command))
      return part
    }
    if (!models.includes(this.model)) this.model = models[0]!
    const select = h('select', { attrs: { 'aria-label': 'Embedding that says which images are alike' } })
    fill(select, models.map((model) => [model, model] as const), this.model)
    const list = h('div', { class: 'thumbs' })
    const load = (): void => {
      list.setAttribute('aria-busy', 'true')
      const query = new URLSearchParams({ model: this.model, subject: subject.id, count: '6' })
      void this.askedNear.run(async (signal) => {
        const near = await json<Near[]>(ofImage(info.name, `/nearest?${query}`), signal)
        const thumbs = near.filter((other) => other.name !== info.name).map((other) => {
          const index = trials.imageNamed(other.name)
          const caption = index < 0 ? other.name : trials.nounOf(index) || other.name
          return thumb(other.name, `${caption}, similarity ${other.similarity.toFixed(2)}`, other.similarity.toFixed(2), info.pixels, () => this.onImage(other.name))
        })
        list.replaceChildren(...thumbs)
        list.removeAttribute('aria-busy')
      }, (error) => {
        list.replaceChildren(h('p', { class: 'quiet', text: error instanceof Error ? error.message : String(error) }))
        list.removeAttribute('aria-busy')
      })
    }
    select.addEventListener('change', () => {
      this.model = select.value
      load()
    })
    part.append(select, list)
    load()
    return part
  }
}

/** A small image that can be chosen; its name where there are no pixels. */
export function thumb(name: string, label: string, below: string, hasPixels: boolean, choose: () => void): HTMLElement {
  const title = `${label} (${name})`
  const attrs = { type: 'button', title }
  const number = h('span', { class: 'below', text: below })
  if (!hasPixels) {
    const words = label.split(',')[0] ?? name
    return h('button', { class: 'thumb plain', attrs, on: { click: choose } }, h('span', { class: 'words', text: words }), number)
  }
  const image = h('img', { attrs: { src: pixels(name), alt: '', loading: 'lazy' } })
  return h('button', { class: 'thumb', attrs: { ...attrs, 'aria-label': title }, on: { click: choose } }, image, number)
}
