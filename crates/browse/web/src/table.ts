/** The table of trials. Only the rows that can be seen are in the document. */

import type { SplitSides } from './api'
import { h } from './dom'
import { count } from './numbers'
import { type Column, parseSort } from './sort'
import type { Trials } from './trials'

const ROW = 24
/** Rows beyond what is seen, so that scrolling shows no gap. */
const SPARE = 8

const HEADS: readonly [Column, string, string][] = [
  ['session', 'ses', 'session'],
  ['trial', 'trial', 'row of the session, from 0'],
  ['run', 'run', 'run'],
  ['rep', 'rep', 'which showing of its image a trial is, from 1; the column `repetition` of the trial table counts from 0'],
  ['image', 'image', 'noun and name of the image'],
  ['dataset', 'set', 'data set of the image'],
  ['shared', 'S/U', 'shared with other subjects, or unique'],
  ['side', 'side', 'side of the chosen split'],
]

export class Table {
  private trials: Trials | null = null
  private rows: Uint32Array = new Uint32Array()
  private split: SplitSides | null = null
  private selected = -1
  private readonly head: HTMLElement
  private readonly body: HTMLElement
  private readonly spacer: HTMLElement
  private drawn = ''
  /** Called with the row of a trial that was chosen. */
  onChoose: (row: number) => void = () => {}
  /** Called with the sort that a click on a column asks for. */
  onSort: (sort: string) => void = () => {}

  constructor(private readonly element: HTMLElement) {
    this.head = h('div', { class: 'head', attrs: { role: 'rowgroup' } })
    this.body = h('div', { class: 'rows', attrs: { role: 'rowgroup' } })
    this.spacer = h('div', { class: 'spacer', attrs: { 'aria-hidden': 'true' } })
    element.append(this.head, this.spacer, this.body)
    element.addEventListener('scroll', () => this.draw(), { passive: true })
    element.addEventListener('keydown', (event) => this.onKey(event))
    new ResizeObserver(() => this.draw()).observe(element)
  }

  /** Whether rows of these trials are shown. */
  shows(trials: Trials): boolean {
    return this.trials === trials
  }

  /** Shows rows of trials, in this order. */
  show(trials: Trials, rows: Uint32Array, sort: string, split: SplitSides | null): void {
    this.trials = trials
    this.rows = rows
    this.split = split
    this.element.classList.toggle('with-side', split !== null)
    this.element.setAttribute('aria-rowcount', String(rows.length + 1))
    this.spacer.style.height = `${rows.length * ROW}px`
    this.drawHead(sort)
    this.drawn = ''
    this.draw()
  }

  /** Marks the chosen trial, and scrolls to it. */
  select(row: number): void {
    this.selected = row
    const at = this.placeOf(row)
    if (at >= 0) {
      const [top, height] = [at * ROW, this.element.clientHeight - this.head.offsetHeight]
      if (top < this.element.scrollTop || top + ROW > this.element.scrollTop + height) {
        this.element.scrollTop = Math.max(0, top - height / 2)
      }
    }
    this.drawn = ''
    this.draw()
  }

  /** The row this many places below the chosen one, if there is one. */
  beside(step: number): number | null {
    const at = this.placeOf(this.selected)
    if (this.rows.length === 0) return null
    const wanted = at < 0 ? (step > 0 ? 0 : this.rows.length - 1) : at + step
    return this.rows[Math.min(Math.max(wanted, 0), this.rows.length - 1)] ?? null
  }

  private placeOf(row: number): number {
    return row < 0 ? -1 : this.rows.indexOf(row)
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target !== this.element) return
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2)
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    const row = this.beside(step)
    if (row !== null) this.onChoose(row)
  }

  private drawHead(sort: string): void {
    const sorted = parseSort(sort)
    const cells = HEADS.map(([column, label, title]) => {
      const isThis = sorted?.column === column
      const arrow = isThis ? (sorted.descending ? ' ▾' : ' ▴') : ''
      const next = isThis ? (sorted.descending ? '' : `-${column}`) : column
      const button = h('button', {
        text: label + arrow,
        attrs: { type: 'button', title: `Sort by ${title}`, tabindex: -1 },
        on: { click: () => this.onSort(next) },
      })
      const direction = isThis ? (sorted.descending ? 'descending' : 'ascending') : 'none'
      return h('div', { class: `cell ${column}`, attrs: { role: 'columnheader', 'aria-sort': direction } }, button)
    })
    this.head.replaceChildren(h('div', { class: 'row', attrs: { role: 'row', 'aria-rowindex': 1 } }, ...cells))
    // One stop of the tab key for the heads; arrows would be lost to the trials.
    for (const button of this.head.querySelectorAll('button')) button.tabIndex = 0
  }

  private draw(): void {
    if (!this.trials) return
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE)
    const last = Math.min(this.rows.length, first + Math.ceil(this.element.clientHeight / ROW) + 2 * SPARE)
    const key = `${first} ${last}`
    if (key === this.drawn) return
    this.drawn = key
    const lines: HTMLElement[] = []
    for (let at = first; at < last; at++) lines.push(this.line(this.trials, at))
    this.body.style.transform = `translateY(${first * ROW}px)`
    this.body.replaceChildren(...lines)
    const active = lines.find((line) => line.getAttribute('aria-selected') === 'true')
    if (active) this.element.setAttribute('aria-activedescendant', active.id)
    else this.element.removeAttribute('aria-activedescendant')
  }

  private line(trials: Trials, at: number): HTMLElement {
    const row = this.rows[at]!
    const image = trials.image[row]!
    const noun = trials.nounOf(image)
    const name = trials.images[image]!
    const texts: Record<Column, string> = {
      session: trials.sessionOf(row).replace(/^ses-/, ''),
      trial: count(trials.trial[row]!),
      run: trials.run[row] === 0 ? '' : String(trials.run[row]),
      rep: String(trials.repetition[row]),
      image: noun === '' ? name : `${noun} · ${name}`,
      dataset: trials.datasetOf(image),
      shared: trials.shared[image] ? 'S' : 'U',
      side: this.split?.sides[this.split.side[image] ?? -1] ?? '',
    }
    const cells = HEADS.map(([column]) => h('div', { class: `cell ${column}`, text: texts[column], attrs: { role: 'gridcell' } }))
    return h(
      'div',
      {
        class: `row${row === this.selected ? ' selected' : ''}`,
        attrs: {
          id: `trial-${row}`,
          role: 'row',
          'aria-rowindex': at + 2,
          'aria-selected': row === this.selected ? 'true' : 'false',
          title: trials.captions[image] ?? name,
        },
        on: { click: () => this.onChoose(row) },
      },
      ...cells,
    )
  }
}
