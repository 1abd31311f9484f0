/** A criterion of a fault that did not hold. */
export class FaultCriterionBroken extends Error {}
