/** Draws a component again only when its properties differ. */
import { Component, type ComponentType, createElement } from "preact";

export function memo<Props extends object>(
  View: ComponentType<Props>,
  isSame: (before: Props, after: Props) => boolean,
): ComponentType<Props> {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      return !isSame(this.props, next);
    }

    override render(props: Props) {
      return createElement(View, props);
    }
  };
}
