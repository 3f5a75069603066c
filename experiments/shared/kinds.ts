/** The discriminative critic that claims compare with the generative one: a scalar head on the prompt's last token. */
export const DISCRIMINATIVE = "discriminative-mse";

/** The generative critic of the claims: it writes a chain of thought, then its value. */
export const GENERATIVE = "cot";

/** Each row of the generative critic with the discriminative one's that is `alike`; without such a row, none. */
export function pairsOfKinds<Row extends { readonly critic: string }>(
  rows: readonly Row[],
  alike: (a: Row, b: Row) => boolean,
): { readonly generative: Row; readonly discriminative: Row }[] {
  return rows.filter(({ critic }) => critic === GENERATIVE).flatMap((generative) => {
    const discriminative = rows.find((row) =>
      row.critic === DISCRIMINATIVE && alike(row, generative)
    );
    return discriminative ? [{ generative, discriminative }] : [];
  });
}
