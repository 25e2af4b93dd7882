/** The panel of a voxel: where it is, what the maps say, and its responses to every image. */

import { ask, json, type MapInfo, ofSubject, type Ijk, type Subject, type Voxel } from './api'
import { byId, context, h } from './dom'
import { Latest } from './latest'
import { absent, report } from './messages'
import { count, counted, value } from './numbers'
import { histogram, rank, type Ranking } from './ranking'
import { thumb } from './stimulus'
import type { Trials } from './trials'

const WIDTH = 296
const THUMBS = 6

export class VoxelPanel {
  private readonly element = byId('voxel')
  private readonly asked = new Latest()
  private shown = ''
  private redrawStrip: (image: number) => void = () => {}
  private isWanted = false
  /** Called with an image that was chosen. */
  onImage: (name: string) => void = () => {}

  clear(): void {
    this.asked.stop()
    this.shown = ''
    this.redrawStrip = () => {}
    this.element.replaceChildren(
      h('h2', { text: 'Voxel' }),
      h('p', { class: 'quiet', text: 'Click a voxel of the brain, on any plane: the images that it responds to most and least are shown here.' }),
    )
  }

  /** The next voxel is one that the user has chosen: the panel shows it from its top. */
  want(): void {
    this.isWanted = true
  }

  /** Shows a voxel; `image` is marked among its responses, -1 for none. */
  async show(ijk: Ijk, subject: Subject, trials: Trials | null, image: number): Promise<void> {
    const key = `${subject.id} ${ijk.join()} ${trials === null}`
    if (key === this.shown) {
      this.redrawStrip(image)
      return
    }
    this.shown = key
    const place = `i=${ijk[0]}&j=${ijk[1]}&k=${ijk[2]}`
    await this.asked.run(async (signal) => {
      const voxel = await json<Voxel>(ofSubject(subject.id, `/voxel?${place}`), signal)
      const responses = h('div', { class: 'responses' })
      this.drawPlace(voxel, subject, responses)
      this.comeIntoView()
      if (!voxel.in_brain) {
        responses.replaceChildren(h('p', { class: 'quiet', text: 'This voxel is outside the brain mask, so it has no betas.' }))
      } else if (voxel.responses === 'absent') {
        responses.replaceChildren(
          absent(voxel.sentence ?? 'There is no store, so the responses of a voxel cannot be read in time. Building it takes a while, once:', voxel.command),
        )
      } else if (trials) {
        const answer = await ask(ofSubject(subject.id, `/voxel/responses?${place}`), signal)
        const sessions = (answer.headers.get('x-sessions') ?? '').split(',').filter((name) => name !== '')
        const values = new Float32Array(await answer.arrayBuffer())
        this.drawResponses(responses, values, sessions, subject, trials, image)
        this.comeIntoView()
      }
      this.isWanted = false
    }, report)
  }

  private comeIntoView(): void {
    if (this.isWanted) this.element.scrollTop = 0
  }

  private drawPlace(voxel: Voxel, subject: Subject, responses: HTMLElement): void {
    const maps = subject.maps.filter((map) => map.id in voxel.maps).map((map): [string, string] => [map.label, inMap(voxel, map)])
    // What the voxel responds to is what one looks for: it is above the numbers of the maps.
    this.element.replaceChildren(
      h('h2', { text: 'Voxel' }),
      facts([
        ['ijk', voxel.ijk.join(', ')],
        ['T1w mm', voxel.mm.map((mm) => value(Number(mm.toFixed(1)))).join(', ')],
        ['ROIs', voxel.rois.length > 0 ? voxel.rois.join(', ') : 'none'],
      ]),
      responses,
      ...(maps.length > 0 ? [h('h3', { text: 'Maps' }), facts(maps)] : []),
    )
  }

  private drawResponses(part: HTMLElement, values: Float32Array, sessions: readonly string[], subject: Subject, trials: Trials, image: number): void {
    const ranking = rank(values, trials)
    if (ranking.images.length === 0) {
      part.replaceChildren(h('p', { class: 'quiet', text: 'This voxel has no value in any trial of the store (NaN).' }))
      return
    }
    const strip = h('canvas', { class: 'strip', attrs: { role: 'slider', tabindex: 0, 'aria-valuemin': 1, 'aria-valuemax': ranking.images.length } })
    const tip = h('p', { class: 'quiet tip', attrs: { 'aria-live': 'polite' } })
    const spread = h('canvas', { class: 'histogram', attrs: { role: 'img' } })
    const [best, worst] = [ranking.means[0]!, ranking.means[ranking.means.length - 1]!]
    strip.setAttribute('aria-label', `Mean beta of ${count(ranking.images.length)} images in order, from ${value(best)} to ${value(worst)}`)
    const describe = (at: number): string => {
      const index = ranking.images[at]!
      return `${at + 1} of ${count(ranking.images.length)}: ${trials.nounOf(index) || trials.images[index]!}, mean ${value(ranking.means[at]!)} of ${counted(ranking.counts[at]!, 'trial')}`
    }
    // The place of the marked image, which keys move.
    let place = 0
    const mark = (at: number): void => {
      place = Math.max(0, at)
      drawStrip(strip, ranking, at)
      strip.setAttribute('aria-valuenow', String(place + 1))
      strip.setAttribute('aria-valuetext', describe(place))
    }
    this.redrawStrip = (marked) => {
      const at = ranking.images.indexOf(marked)
      mark(at)
      tip.textContent = at < 0 ? `Mean beta of each image, strongest first.` : `This image is ${describe(at)}.`
    }
    const atPointer = (event: MouseEvent): number => {
      const box = strip.getBoundingClientRect()
      const at = Math.floor(((event.clientX - box.left) / box.width) * ranking.images.length)
      return Math.min(Math.max(at, 0), ranking.images.length - 1)
    }
    strip.addEventListener('keydown', (event) => {
      const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity }
      const step = steps[event.key]
      if (event.key === 'Enter') this.onImage(trials.images[ranking.images[place]!]!)
      else if (step === undefined || event.shiftKey) return
      else {
        mark(Math.min(Math.max(place + step, 0), ranking.images.length - 1))
        tip.textContent = `${describe(place)}. Enter shows it.`
      }
      event.preventDefault()
    })
    strip.addEventListener('mousemove', (event) => (tip.textContent = describe(atPointer(event))))
    strip.addEventListener('click', (event) => this.onImage(trials.images[ranking.images[atPointer(event)]!]!))
    drawHistogram(spread, values)
    const some = sessions.length < trials.sessions.length
    part.replaceChildren(
      h('p', { class: 'quiet', text: `${counted(ranking.trials, 'trial')}, ${counted(ranking.images.length, 'image')}${some ? `; the store has ${sessions.length} of ${counted(trials.sessions.length, 'session')}` : ''}` }),
      // What is looked for first is seen without scrolling.
      h('h3', { text: 'Strongest' }),
      this.thumbs(ranking, 0, subject, trials),
      h('h3', { text: 'Weakest' }),
      this.thumbs(ranking, Math.max(THUMBS, ranking.images.length - THUMBS), subject, trials),
      h('h3', { text: 'All images, in order' }),
      strip,
      tip,
      h('h3', { text: 'All trials' }),
      spread,
    )
    this.redrawStrip(image)
  }

  private thumbs(ranking: Ranking, first: number, subject: Subject, trials: Trials): HTMLElement {
    const places = Array.from(ranking.images.subarray(first, first + THUMBS))
    return h(
      'div',
      { class: 'thumbs' },
      ...places.map((image, at) => {
        const name = trials.images[image]!
        const mean = value(Number(ranking.means[first + at]!.toFixed(2)))
        return thumb(name, `${trials.nounOf(image) || name}, mean beta ${mean}`, mean, subject.stimuli.images, () => this.onImage(name))
      }),
    )
  }
}

function facts(lines: readonly (readonly [term: string, text: string])[]): HTMLElement {
  return h('dl', { class: 'facts' }, ...lines.flatMap(([term, text]) => [h('dt', { text: term }), h('dd', { text })]))
}

function inMap(voxel: Voxel, map: MapInfo): string {
  const found = voxel.maps[map.id]
  return value(found === null || found === undefined ? NaN : found, map.unit)
}

/** Colours of the page, as the style sheet has them. */
function ink(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

/** Mean responses in order, as an area around zero; `marked` is a place in the order. */
function drawStrip(canvas: HTMLCanvasElement, ranking: Ranking, marked: number): void {
  const height = 72
  const drawing = context(canvas, WIDTH, height)
  const { means } = ranking
  const top = Math.max(means[0]!, 0)
  const bottom = Math.min(means[means.length - 1]!, 0)
  const scale = (height - 4) / (top - bottom || 1)
  const y = (mean: number): number => 2 + (top - mean) * scale
  for (let x = 0; x < WIDTH; x++) {
    const mean = means[Math.min(means.length - 1, Math.floor(((x + 0.5) / WIDTH) * means.length))]!
    drawing.fillStyle = mean >= 0 ? '#c2502e' : '#3b76b5'
    drawing.fillRect(x, Math.min(y(mean), y(0)), 1, Math.max(1, Math.abs(y(mean) - y(0))))
  }
  drawing.fillStyle = ink('--line')
  drawing.fillRect(0, Math.round(y(0)), WIDTH, 1)
  if (marked >= 0) {
    const x = ((marked + 0.5) / means.length) * WIDTH
    drawing.fillStyle = ink('--ink')
    drawing.fillRect(Math.round(x) - 1, 0, 2, height)
  }
  drawing.font = '11px system-ui, sans-serif'
  drawing.fillStyle = ink('--ink')
  drawing.textAlign = 'right'
  drawing.fillText(value(Number(means[0]!.toFixed(2))), WIDTH - 2, 12)
  drawing.textAlign = 'left'
  drawing.fillText(value(Number(means[means.length - 1]!.toFixed(2))), 2, height - 4)
}

function drawHistogram(canvas: HTMLCanvasElement, values: Float32Array): void {
  const found = histogram(values, 48)
  const [height, foot] = [64, 14]
  const drawing = context(canvas, WIDTH, height)
  if (!found) return
  const most = Math.max(...found.counts)
  const step = WIDTH / found.counts.length
  drawing.fillStyle = ink('--quiet')
  found.counts.forEach((size, bin) => {
    const tall = (size / most) * (height - foot - 2)
    drawing.fillRect(bin * step, height - foot - tall, step - 1, tall)
  })
  drawing.fillStyle = ink('--ink')
  drawing.font = '11px system-ui, sans-serif'
  drawing.textBaseline = 'bottom'
  drawing.fillText(value(Number(found.low.toFixed(2))), 0, height)
  drawing.textAlign = 'right'
  drawing.fillText(value(Number(found.high.toFixed(2))), WIDTH, height)
  if (found.low < 0 && found.high > 0) {
    const zero = (-found.low / (found.high - found.low)) * WIDTH
    drawing.fillRect(zero, 0, 1, height - foot)
    drawing.textAlign = 'center'
    drawing.fillText('0', zero, height)
  }
  canvas.setAttribute('aria-label', `Histogram of the betas of single trials, from ${value(found.low)} to ${value(found.high)}`)
}
