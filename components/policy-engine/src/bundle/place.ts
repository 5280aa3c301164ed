/** One way in which policies can be asked: an action, by a type of principal, about a type of resource. */
export interface Place {
  readonly action: string;
  readonly principal: string;
  readonly resource: string;
}
