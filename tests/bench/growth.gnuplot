# What one of N namespaces costs. report.py puts the figures before this, and the plot after it.

set terminal svg size 760,460 font 'sans-serif,13' background '#ffffff'
set logscale xy
set xlabel 'namespaces built'
set ylabel 'microseconds a namespace'
set format x '%.0s%c'
set format y '%.0f'
set grid xtics ytics linewidth 0.5 linecolor '#dddddd'
set border 3 linecolor '#666666'
set tics nomirror
set key outside right center
set style data linespoints
set style increment user
set style line 1 linewidth 2 pointtype 7 pointsize 0.7 linecolor '#888888' dashtype 2
set style line 2 linewidth 3 pointtype 7 pointsize 0.8 linecolor '#c0392b'
set style line 3 linewidth 2 pointtype 7 pointsize 0.7 linecolor '#2471a3'
set style line 4 linewidth 2 pointtype 7 pointsize 0.7 linecolor '#1e8449'
set style line 5 linewidth 2 pointtype 7 pointsize 0.7 linecolor '#b9770e'
set style line 6 linewidth 2 pointtype 7 pointsize 0.7 linecolor '#7d3c98'
set style line 7 linewidth 2 pointtype 7 pointsize 0.7 linecolor '#16a0a0'
