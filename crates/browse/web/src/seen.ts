/** One image in every subject that saw it: the trials, and the mean response as a small picture. */

import { ask, type ImageInfo, ofSubject, Refusal, type Rgb, type Subject } from './api'
import { tableFor } from './colour'
import { context, h } from './dom'
import { Latest } from './latest'
import { absent } from './messages'
import { counted, value } from './numbers'
import { follow } from './reading'
import type { Trials } from './trials'

/** Milliseconds that an image has to stay: who steps through trials asks for no pictures. */
const STAYS = 600
/** So many trials of a subject have a button. */
const BUTTONS = 24
/** CSS pixels of the colour bar of a picture. */
const [BAR_WIDTH, BAR_HEIGHT] = [56, 8]

/** The mean response of a subject, as the server has drawn it. */
interface Drawn {
  address: string
  /** The colours go from minus this to this. */
  end: number
  /** `z = -12`, in millimetres. */
  slice: string
}

export class Seen {
  private readonly asked = new Latest()
  private watcher: IntersectionObserver | null = null
  private timer = 0
  private image = ''
  /** By subject, of the image that is shown. */
  private readonly drawn = new Map<string, Drawn>()
  /** The colours of figures. */
  tables: Record<string, Rgb[]> = {}
  /** Called with a subject and the row of its trials that was chosen. */
  onTrial: (subject: string, row: number) => void = () => {}

  /** Asks for nothing more, and forgets the pictures. */
  clear(): void {
    this.stop()
    for (const { address } of this.drawn.values()) URL.revokeObjectURL(address)
    this.drawn.clear()
    this.image = ''
  }

  /** The trials of an image in all subjects; `row` is the one that is shown. */
  part(info: ImageInfo, subject: Subject, trials: Trials, row: number): HTMLElement {
    if (info.name === this.image) this.stop()
    else this.clear()
    this.image = info.name
    const places = new Map<string, HTMLElement>()
    const cards = info.subjects.map((seen) => {
      const known = this.drawn.get(seen.id)
      const place = h('div', { class: 'response', attrs: { 'aria-busy': known ? false : 'true' } }, ...(known ? this.picture(seen.id, seen.rows.length, known) : []))
      if (!known) places.set(seen.id, place)
      const isThis = seen.id === subject.id
      const buttons = seen.rows.slice(0, BUTTONS).map((other, index) => {
        const label = isThis && other < trials.rows ? `${trials.sessionOf(other).replace('ses-', '')}/${trials.trial[other]}` : `${index + 1}`
        const where = isThis && other < trials.rows ? `${trials.sessionOf(other)}, trial ${trials.trial[other]}` : `trial ${index + 1} of this image`
        return h('button', {
          class: 'chip',
          text: label,
          attrs: { type: 'button', 'aria-label': `${label}: ${seen.id}, ${where}`, 'aria-pressed': isThis && other === row ? 'true' : 'false' },
          on: { click: () => this.onTrial(seen.id, other) },
        })
      })
      return h('li', {}, h('p', { class: 'who', text: `${seen.id}: ${counted(seen.rows.length, 'trial')}` }), place, h('div', {}, ...buttons))
    })
    const list = h('ul', { class: 'seen' }, ...cards)
    this.whenSeen(list, () => this.asked.run((signal) => this.load(info, places, signal), console.warn))
    return h(
      'div',
      {},
      h('h3', { text: `Seen by ${counted(info.subjects.length, 'subject')} on disk` }),
      info.subjects.length > 0 && h('p', { class: 'quiet', text: 'Mean beta over the trials of each, in the slice through its strongest response.' }),
      list,
    )
  }

  private stop(): void {
    this.asked.stop()
    this.watcher?.disconnect()
    this.watcher = null
    window.clearTimeout(this.timer)
  }

  /** Waits until a part of the page is on the screen, and stays there. */
  private whenSeen(element: HTMLElement, then: () => void): void {
    this.watcher = new IntersectionObserver((entries) => {
      window.clearTimeout(this.timer)
      if (!entries[entries.length - 1]?.isIntersecting) return
      this.timer = window.setTimeout(() => {
        this.watcher?.disconnect()
        then()
      }, STAYS)
    })
    this.watcher.observe(element)
  }

  /** One subject after the other: other questions to the server do not wait for all of them. */
  private async load(info: ImageInfo, places: Map<string, HTMLElement>, signal: AbortSignal): Promise<void> {
    for (const { id, rows } of info.subjects) {
      const place = places.get(id)
      if (!place) continue
      const unfollow = follow(id, (text) => (place.textContent = text))
      try {
        const drawn = await this.request(id, info.name, signal)
        this.drawn.set(id, drawn)
        place.replaceChildren(...this.picture(id, rows.length, drawn))
      } catch (error) {
        if (signal.aborted) return
        const [sentence, command] = error instanceof Refusal ? [error.message, error.hint] : [String(error), null]
        place.replaceChildren(absent(sentence, command))
      } finally {
        unfollow()
      }
      place.removeAttribute('aria-busy')
    }
  }

  private async request(subject: string, image: string, signal: AbortSignal): Promise<Drawn> {
    const answer = await ask(ofSubject(subject, `/figure/${encodeURIComponent(image)}.png`), signal)
    const [end, slice] = [Number(answer.headers.get('x-range')), answer.headers.get('x-slice') ?? '']
    const blob = await answer.blob()
    signal.throwIfAborted()
    return { address: URL.createObjectURL(blob), end, slice }
  }

  private picture(subject: string, trials: number, { address, end, slice }: Drawn): HTMLElement[] {
    const bar = h('canvas', { attrs: { 'aria-hidden': 'true' } })
    bar.style.width = `${BAR_WIDTH}px`
    bar.style.height = `${BAR_HEIGHT}px`
    const drawing = context(bar, BAR_WIDTH, BAR_HEIGHT)
    const table = tableFor(true, this.tables)
    for (let x = 0; x < BAR_WIDTH; x++) {
      drawing.fillStyle = `rgb(${table[Math.floor(((x + 0.5) / BAR_WIDTH) * 256)]!.join(', ')})`
      drawing.fillRect(x, 0, 1, BAR_HEIGHT)
    }
    return [
      h('img', { attrs: { src: address, alt: responseText(subject, trials, end, slice) } }),
      h('p', { class: 'bar quiet' }, value(-end), bar, value(end)),
    ]
  }
}

/** What a picture shows, in words. */
export function responseText(subject: string, trials: number, end: number, slice: string): string {
  return `${subject}: mean beta over ${counted(trials, 'trial')}, slice ${slice} mm; blue to ${value(-end)}, red to ${value(end)}`
}
