/** Elements made in one expression. */

type Child = Node | string | null | undefined | false

interface Options {
  class?: string
  text?: string
  /** Attributes, as in HTML; `false` and `null` leave one out. */
  attrs?: Record<string, string | number | boolean | null | undefined>
  on?: Partial<{ [K in keyof HTMLElementEventMap]: (event: HTMLElementEventMap[K]) => void }>
}

/** Makes an element with its class, text, attributes, listeners and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: Options = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (options.class !== undefined) element.className = options.class
  if (options.text !== undefined) element.textContent = options.text
  for (const [name, value] of Object.entries(options.attrs ?? {})) {
    if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value))
  }
  for (const [name, listener] of Object.entries(options.on ?? {})) {
    element.addEventListener(name, listener as EventListener)
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child)
  return element
}

/** The element of the page with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no element #${id}`)
  return element as T
}

/** Sets the options of a select, and which one is chosen. */
export function fill(select: HTMLSelectElement, options: readonly (readonly [value: string, label: string])[], chosen: string): void {
  select.replaceChildren(...options.map(([value, label]) => h('option', { text: label, attrs: { value } })))
  select.value = chosen
}

/** A canvas's drawing context, sized for the screen's pixels; lengths are CSS pixels. */
export function context(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1
  canvas.width = Math.max(1, Math.round(width * ratio))
  canvas.height = Math.max(1, Math.round(height * ratio))
  const drawing = canvas.getContext('2d')
  if (!drawing) throw new Error('the browser gives no 2-D drawing context')
  drawing.setTransform(ratio, 0, 0, ratio, 0, 0)
  drawing.clearRect(0, 0, width, height)
  return drawing
}
