-- The days that both have, ascending, with all columns of both and the date once.
-- Input views: sales and marketing (the Parquet that the two jobs before wrote).
SELECT *
FROM sales
INNER JOIN marketing USING (date)
ORDER BY date
