/** The fields around the brain: what is shown, and how it is drawn. */

import type { RoiLine, Subject, SubjectLine } from './api'
import type { Scale } from './colour'
import { byId, fill, h } from './dom'
import { TRIAL_MAPS } from './maps'
import { count } from './numbers'
import type { Trials } from './trials'
import { type Layout, LAYOUTS, type View } from './view'

export class Controls {
  private readonly subject = byId<HTMLSelectElement>('subject')
  private readonly what = byId<HTMLSelectElement>('show')
  private readonly anatomy = byId<HTMLSelectElement>('anatomy')
  private readonly file = byId<HTMLInputElement>('file')
  private readonly threshold = byId<HTMLInputElement>('threshold')
  private readonly thresholdNumber = byId<HTMLInputElement>('threshold-number')
  private readonly range = byId<HTMLInputElement>('range')
  private readonly opacity = byId<HTMLInputElement>('opacity')
  private readonly roi = byId<HTMLInputElement>('roi')
  private readonly layout = byId<HTMLSelectElement>('layout')
  private readonly session = byId<HTMLSelectElement>('session')
  private readonly scrub = byId<HTMLInputElement>('scrub')
  /** Called with what the user changed. */
  onChange: (patch: Partial<View>) => void = () => {}
  /** Called with a file of the user's own. */
  onFile: (file: File) => void = () => {}
  /** Called with a step to another trial of the session. */
  onStep: (step: number) => void = () => {}

  constructor() {
    const on = (element: HTMLElement, event: string, patch: () => Partial<View> | null): void =>
      element.addEventListener(event, () => {
        const change = patch()
        if (change) this.onChange(change)
      })
    on(this.subject, 'change', () => ({ subject: this.subject.value }))
    on(this.what, 'change', () => ({ show: this.what.value }))
    on(this.anatomy, 'change', () => ({ anatomy: this.anatomy.value }))
    on(this.threshold, 'input', () => ({ threshold: Number(Number(this.threshold.value).toPrecision(3)) }))
    on(this.thresholdNumber, 'input', () => positive(this.thresholdNumber.value, (threshold) => ({ threshold: threshold ?? 0 })))
    on(this.range, 'change', () => positive(this.range.value, (range) => ({ range: range === 0 ? null : range })))
    on(this.opacity, 'input', () => ({ opacity: Number(this.opacity.value) }))
    on(this.roi, 'change', () => ({ roi: this.roi.value.trim() }))
    on(this.layout, 'change', () => ({ layout: this.layout.value as Layout }))
    on(this.session, 'change', () => ({ session: this.session.value, trial: 0 }))
    on(this.scrub, 'input', () => ({ session: this.session.value, trial: Number(this.scrub.value) }))
    byId('previous').addEventListener('click', () => this.onStep(-1))
    byId('next').addEventListener('click', () => this.onStep(1))
    this.file.addEventListener('change', () => {
      const [file] = this.file.files ?? []
      if (file) this.onFile(file)
      this.file.value = ''
    })
  }

  setSubjects(subjects: readonly SubjectLine[]): void {
    fill(this.subject, subjects.map(({ id }) => [id, id] as const), '')
  }

  setSubject(subject: Subject): void {
    const group = (label: string, options: readonly (readonly [string, string])[]): HTMLOptGroupElement =>
      h('optgroup', { attrs: { label } }, ...options.map(([value, text]) => h('option', { text, attrs: { value } })))
    const maps = subject.maps.map((map) => [`map:${map.id}`, map.label] as const)
    const own = h('option', { text: 'Own file', attrs: { value: 'file', hidden: true } })
    this.what.replaceChildren(
      ...(subject.sessions.length > 0 ? [group('Trial', TRIAL_MAPS)] : []),
      ...(maps.length > 0 ? [group('Subject', maps)] : []),
      own,
    )
    fill(this.anatomy, subject.anatomies.length > 0 ? subject.anatomies.map(({ id, label }) => [id, label] as const) : [['', 'none on disk']], '')
    fill(this.session, subject.sessions.map(({ id, held_out }) => [id, held_out ? `${id} (held out)` : id] as const), '')
    this.setRois(subject.rois)
  }

  /** Offers the names of ROIs. */
  setRois(rois: readonly RoiLine[]): void {
    byId('roi-names').replaceChildren(
      ...rois.map(({ name, category, voxels }) =>
        h('option', { attrs: { value: name }, text: voxels === null ? category : `${category}, ${count(voxels)} voxels` }),
      ),
    )
  }

  /** Names the user's own file among what can be shown. */
  setFile(name: string): void {
    const option = this.what.querySelector<HTMLOptionElement>('option[value="file"]')
    if (!option) return
    option.hidden = false
    option.textContent = name
  }

  /** Shows the state of a view. */
  show(view: View, subject: Subject, trials: Trials | null): void {
    this.subject.value = view.subject
    this.what.value = view.show
    this.anatomy.value = view.anatomy
    this.opacity.value = String(view.opacity)
    this.layout.value = view.layout
    if (document.activeElement !== this.thresholdNumber) this.thresholdNumber.value = String(view.threshold)
    if (document.activeElement !== this.range) this.range.value = view.range === null ? '' : String(view.range)
    if (document.activeElement !== this.roi) this.roi.value = view.roi
    this.threshold.value = String(view.threshold)
    // Without a trial, the scrubber stands before the first session, and can be moved.
    const session = subject.sessions.find(({ id }) => id === view.session) ?? subject.sessions[0]
    this.session.value = session?.id ?? ''
    const most = session ? (trials?.countOf(session.id) ?? session.trials) : 0
    this.scrub.max = String(Math.max(0, most - 1))
    this.scrub.value = String(Math.max(0, view.trial))
    this.scrub.disabled = most === 0
    byId('scrub-state').textContent = view.trial >= 0 ? `trial ${count(view.trial)} (0–${count(most - 1)})` : 'no trial chosen'
  }

  /** Fits the sliders to the scale of what is shown. */
  setScale(scale: Scale): void {
    this.threshold.max = String(scale.high)
    this.threshold.value = String(scale.threshold)
    this.range.placeholder = String(Number(scale.high.toPrecision(3)))
  }

  /** Says how many voxels an ROI has, or what is wrong with its expression. */
  setRoiState(text: string, isError: boolean): void {
    const state = byId('roi-state')
    state.textContent = text
    state.classList.toggle('is-error', isError)
    this.roi.setAttribute('aria-invalid', String(isError))
  }

  nextLayout(current: Layout): Layout {
    return LAYOUTS[(LAYOUTS.indexOf(current) + 1) % LAYOUTS.length]!
  }
}

/** A change by a number that is not negative; empty is null, and anything else changes nothing. */
function positive(text: string, change: (number: number | null) => Partial<View>): Partial<View> | null {
  if (text.trim() === '') return change(null)
  const number = Number(text)
  return number >= 0 && Number.isFinite(number) ? change(number) : null
}
