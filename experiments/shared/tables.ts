/** Tables that the reports have in common. */
import type { Displayable } from "../../lib/report/mime.ts";
import { type Column, table, type TableDescription } from "../../lib/report/table.ts";
import type { CriticRow, Scores, TestScores } from "./scores.ts";

/** A critic's name and size. */
export const CRITIC_COLUMNS: readonly Column<Pick<CriticRow, "title" | "size">>[] = [
  { title: "critic", cell: (row) => row.title },
  { title: "size", cell: (row) => row.size },
];

/** Makes columns of means over seeds; with "interval" Student's 95% interval stands beside them. */
export function scoreColumns<Row>(scores: (row: Row) => TestScores) {
  return (
    title: string,
    metric: Exclude<keyof TestScores, "meanPredictorRmse">,
    decimals: number,
    interval?: "interval",
  ): Column<Row> => ({
    title,
    decimals,
    cell: (row) => {
      const mean = scores(row)[metric]?.mean;
      return interval ? mean : mean?.estimate;
    },
  });
}

/** Every run's raw score: a column a seed, after those that say which row it is. */
export function rawScoresTable<Row>(
  { caption, columns, rows, scores, seeds }: TableDescription<Row> & {
    readonly seeds: readonly number[];
    /** By seed, in the order of `seeds`. */
    readonly scores: (row: Row) => Scores["scores"];
  },
): Displayable {
  return table({
    ...caption === undefined ? {} : { caption },
    rows,
    columns: [
      ...columns,
      ...seeds.map((seed, i): Column<Row> => ({
        title: `seed ${seed}`,
        decimals: 4,
        cell: (row) => scores(row)[i],
      })),
    ],
  });
}

/** The search for learning rates, the chosen ones in bold. */
export function searchTable<
  Row extends { readonly learningRate: number; readonly chosen: boolean },
>(
  { caption, columns, rows }: TableDescription<Row>,
  title: string,
  score: (row: Row) => number,
  decimals = 4,
): Displayable {
  return table({
    ...caption === undefined ? {} : { caption },
    rows,
    emphasize: (row) => row.chosen,
    columns: [
      ...columns,
      { title: "learning rate", cell: (row) => row.learningRate },
      { title, cell: score, decimals },
    ],
  });
}
