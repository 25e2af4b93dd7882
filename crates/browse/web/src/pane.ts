/** The left side: the filter, the table of trials, and what is not on disk. */

import { json, ofSubject, Refusal, type SplitSides, type Subject } from './api'
import { byId, fill, h } from './dom'
import { apply, FilterError, lacking, parse, splitAsked, splitsOf, type Term } from './filter'
import { Latest } from './latest'
import { absent } from './messages'
import { count, counted } from './numbers'
import { imageRanks, parseSort, sortRows } from './sort'
import { Table } from './table'
import type { Trials } from './trials'
import type { View } from './view'

/** What the filter selects, as far as an extraction can be told it. */
export interface Selection {
  sessions: string[]
  split: string
  /** `true` or `false` if the filter asks for shared or unique images. */
  shared: string
  /** Parts of the filter that no option of an extraction stands for. */
  left: string[]
}

export class TrialPane {
  readonly table = new Table(byId('table'))
  private readonly filter = byId<HTMLInputElement>('filter')
  private readonly state = byId('filter-state')
  private readonly split = byId<HTMLSelectElement>('split')
  private readonly asked = new Latest()
  private readonly splits = new Map<string, SplitSides>()
  private subject: Subject | null = null
  private trials: Trials | null = null
  private terms: Term[] = []
  private rows: Uint32Array = new Uint32Array()
  /** Called with what the user changed. */
  onChange: (patch: Partial<View>) => void = () => {}

  constructor() {
    this.filter.addEventListener('input', () => this.onChange({ filter: this.filter.value }))
    this.split.addEventListener('change', () => this.onChange({ split: this.split.value }))
    this.table.onSort = (sort) => this.onChange({ sort })
  }

  /** Starts with a subject; `trials` is null until they have been read. */
  setSubject(subject: Subject, trials: Trials | null): void {
    if (this.subject?.id !== subject.id) this.splits.clear()
    this.subject = subject
    this.trials = trials
    fill(this.split, [['', 'none'], ...subject.splits.map((name) => [name, name] as const)], '')
    this.drawAbsent(subject)
    if (trials) {
      // While nobody waits for it.
      setTimeout(() => {
        trials.warm()
        imageRanks(trials)
      }, 1500)
    } else this.state.textContent = 'Reading the trials ...'
  }

  /** Filters and sorts as the view says. */
  async show(view: View): Promise<void> {
    if (document.activeElement !== this.filter) this.filter.value = view.filter
    this.split.value = view.split
    const { trials, subject } = this
    if (!trials || !subject) return
    let terms: Term[]
    try {
      terms = parse(view.filter)
    } catch (error) {
      this.refuse(error)
      return
    }
    const wanted = new Set(splitsOf(terms))
    if (view.split !== '') wanted.add(view.split)
    const missing = [...wanted].filter((name) => !this.splits.has(name))
    if (missing.length === 0) {
      this.draw(view, trials, terms)
      return
    }
    await this.asked.run(async (signal) => {
      for (const name of missing) {
        try {
          this.splits.set(name, await json<SplitSides>(ofSubject(subject.id, `/splits/${encodeURIComponent(name)}`), signal))
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
        }
      }
      this.draw(view, trials, terms)
    }, (error) => this.refuse(error))
  }

  /** What is selected, for the command that makes its array. */
  selection(view: View): Selection {
    const { trials, terms } = this
    if (!trials) return { sessions: [], split: '', shared: '', left: [] }
    const indices = new Set(Array.from(this.rows, (row) => trials.session[row]!))
    const sessions = trials.sessions.filter((_, index) => indices.has(index))
    const split = splitAsked(terms)?.split ?? view.split
    const kind = terms.find((term) => term.field === 'shared' || term.field === 'unique')
    const shared = kind ? String((kind.field === 'shared') !== kind.negated) : ''
    const left = terms
      .filter((term) => !['session', 'shared', 'unique'].includes(term.field) && (term.field !== 'split' || term.negated))
      .map((term) => (term.field === 'word' ? term.value : `${term.field}${term.value === '' ? '' : `:${term.value}`}`))
    return { sessions: sessions.length === trials.sessions.length ? [] : sessions, split, shared, left }
  }

  focus(): void {
    this.filter.focus()
    this.filter.select()
  }

  private draw(view: View, trials: Trials, terms: Term[]): void {
    performance.mark('filter-start')
    try {
      const sides = this.splits.get(view.split) ?? null
      const rows = apply(terms, trials, this.splits)
      if (parseSort(view.sort)) sortRows(rows, view.sort, trials, sides)
      this.terms = terms
      this.rows = rows
      this.table.show(trials, rows, view.sort, sides)
      this.table.select(trials.find(view.session, view.trial))
    } catch (error) {
      this.refuse(error)
      return
    }
    performance.measure('filter', 'filter-start')
    const all = counted(trials.rows, 'trial')
    const missing = this.subject ? lacking(terms, trials, this.subject.stimuli) : ''
    const some = `${count(this.rows.length)} of ${all}`
    this.state.textContent = terms.length === 0 ? all : missing === '' ? some : `${some}: ${missing}`
    this.state.classList.toggle('is-error', missing !== '')
    // There it says how to get them.
    if (missing !== '') byId<HTMLDetailsElement>('absent').open = true
    this.filter.setAttribute('aria-invalid', 'false')
  }

  private refuse(error: unknown): void {
    // A filter that cannot be understood hides nothing.
    if (this.trials && !this.table.shows(this.trials)) this.showAll(this.trials)
    this.state.textContent = error instanceof FilterError || error instanceof Error ? error.message : String(error)
    this.state.classList.add('is-error')
    this.filter.setAttribute('aria-invalid', 'true')
  }

  private showAll(trials: Trials): void {
    this.terms = []
    this.rows = Uint32Array.from({ length: trials.rows }, (_, row) => row)
    this.table.show(trials, this.rows, '', null)
  }

  private drawAbsent(subject: Subject): void {
    const part = byId<HTMLDetailsElement>('absent')
    const problems = subject.sessions.flatMap(({ problem }) => (problem ? [problem] : []))
    const missing = [...subject.absent, ...(subject.stimuli.absent ?? []), ...problems]
    part.hidden = missing.length === 0
    part.querySelector('summary')!.textContent = `${counted(missing.length, 'thing')} not on this disk`
    part.querySelector('.list')!.replaceChildren(...missing.map((thing) => h('div', {}, absent(thing.what, thing.command))))
  }
}
