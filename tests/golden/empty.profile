header true
event cpu-clock ns 999
end 0.01
